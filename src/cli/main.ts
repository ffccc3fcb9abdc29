#!/usr/bin/env node
import { run } from './run.js'

process.exitCode = await run(process.argv.slice(2))
// A worker's channel to its parent would keep it alive; what was written to pipes is out (they are synchronous).
if (process.connected) process.exit()
// So would what a plugin left open.
setTimeout(() => process.exit(), 500).unref()
