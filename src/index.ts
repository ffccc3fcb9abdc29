/// <reference types="node" preserve="true" />
/** What plugins and embedding programs import. Nothing else of this package is public. */

export { BiodmError, ERRORS, type ErrorCode, type Problem } from './errors.js'
export type * from './hooks.js'
export { type Caller, type Identity, SYSTEM } from './identity.js'
export { JsonText } from './json-text.js'
export type { Log } from './log.js'
export type * from './plugin.js'
export { definePlugin } from './plugin.js'
export {
  type Asking,
  type Client,
  type ClientResponse,
  createRuntime,
  type RequestOptions,
  type Runtime,
  type RuntimeOverrides,
} from './runtime.js'
