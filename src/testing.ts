/** What tests of configurations and plugins import: `biodm/testing`. */
export {
  type FakeKeycloak,
  type FakeKeycloakOptions,
  type Fault,
  type RealmFile,
  startFakeKeycloak,
} from './testing/fake-keycloak/index.js'
