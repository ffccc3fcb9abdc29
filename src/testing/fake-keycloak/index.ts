/** A small Keycloak for tests, faithful where the keycloak plugin looks, with faults on demand. */
export type { Fault } from './faults.js'
export type { Keys } from './keys.js'
export type { Body, ClientFile, Group, GroupFile, RealmFile, User, UserFile } from './realm.js'
export { Realm } from './realm.js'
export { type FakeKeycloak, type FakeKeycloakOptions, startFakeKeycloak } from './server.js'
