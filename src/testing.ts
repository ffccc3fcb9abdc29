/// <reference types="node" preserve="true" />
/** What tests of configurations and plugins import: `biodm/testing`. */
export { createRuntime } from './runtime.js'
export { embeddedStore } from './testing/embedded-store.js'
export {
  type FakeKeycloak,
  type FakeKeycloakOptions,
  type Fault,
  type RealmFile,
  startFakeKeycloak,
} from './testing/fake-keycloak/index.js'
export {
  type PluginSuiteOptions,
  type SuiteContext,
  shouldBehaveLikeAPlugin,
} from './testing/plugin-suite.js'
