import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { DEFAULT_CONFIG, withJson } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

const TEMPLATE = `# yaml-language-server: $schema=node_modules/biodm/config/biodm.schema.json
# Serve it:  npx biodm serve ${DEFAULT_CONFIG}
# Try it:    curl -d '{ "name": "first", "datasets": [{ "name": "a" }] }' http://127.0.0.1:8000/projects
#            curl 'http://127.0.0.1:8000/projects?name=f*'
name: my-lab
version: 0.1.0

server:
  port: 8000

database:
  # Or postgres://user:password@host/name. The variable, when it is set, wins.
  url: \${DATABASE_URL:-sqlite:data/biodm.db}

# Users and passwords in this database. With it, \`access:\` and \`permissions:\` decide who may do what:
# plugins:
#   accounts: {}

resources:
  Project:
    description: A funded study
    columns:
      name: string(50)!            # required, at most 50 characters
      description: text
    relations:
      datasets: { many: Dataset }

  Dataset:
    columns:
      name: string(50)!
      status: { type: enum, values: [draft, final], default: draft }
      created_at: { type: datetime, default: now, readonly: true }
    relations:
      project: { one: Project, required: true }
`

interface Flags {
  readonly json?: boolean
}

export function addInit(program: Command, session: Session): void {
  const command = program
    .command('init')
    .description('write a small commented configuration that serves at once')
    .argument('[file]', 'where', DEFAULT_CONFIG)
    .action(async (file: string, flags: Flags) => {
      session.exit = await run(file, flags, session)
    })
  withJson(command)
}

async function run(file: string, { json }: Flags, { output }: Session): Promise<number> {
  try {
    await writeFile(file, TEMPLATE, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    output.err(
      json === true
        ? JSON.stringify({ ok: false, message: `${file} exists` })
        : `biodm: ${file} exists; it was left as it is`,
    )
    return EXIT.failed
  }
  output.out(json === true ? JSON.stringify({ ok: true, file }) : `${file} written. Now: biodm serve ${file}`)
  return EXIT.ok
}
