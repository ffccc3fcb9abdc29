/** What `biodm init` writes: a small commented configuration that serves at once. */
export function configTemplate(name = 'my-lab'): string {
  return `# yaml-language-server: $schema=node_modules/biodm/config/biodm.schema.json
#
# biodm serve biodm.yaml     then open http://127.0.0.1:8000/swagger
# biodm check biodm.yaml     what this file means, or what is wrong with it
name: ${name}
version: 0.1.0
description: What this server keeps

server:
  port: 8000

database:
  # Or PostgreSQL: postgres://user:password@host:5432/name
  url: \${DATABASE_URL:-sqlite:data/biodm.db}

# Who is asking? Until a plugin says so, everybody may do everything. With accounts, make the first user by
# \`biodm user add biodm.yaml NAME --group admin\`, then say who may do what under \`access:\`.
# plugins:
#   accounts: {}

resources:
  Project:
    description: A study and everything that belongs to it
    columns:
      name: string(100)!            # ! means required; \`id: serial\` is added by itself
      description: text
      started_on: date
    relations:
      samples: { many: Sample }     # the other side of Sample.project
      tags: { many: Tag, through: project_tag }

  Sample:
    description: One piece of material
    columns:
      label: string(50)!
      kind: { type: enum, values: [blood, tissue, saliva], default: blood }
      volume_ml: { type: number, min: 0 }
      created_at: { type: datetime, default: now, readonly: true }
    relations:
      project: { one: Project, required: true }     # adds the column project_id
    unique: [[label, project]]
    # access: { create: [lab], delete: admin }      # needs an authenticator, see above

  Tag:
    columns:
      name: { type: string(50), primary: true }
`
}
