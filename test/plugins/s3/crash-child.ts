/** A server that is about to be killed: configuration and database address are the arguments. */
import { createRuntime } from '../../../src/runtime.js'

const [config = '{}', database = ''] = process.argv.slice(2)
const runtime = await createRuntime(JSON.parse(config), { env: {}, database: { url: database } })
process.send?.(await runtime.listen(0, '127.0.0.1'))
