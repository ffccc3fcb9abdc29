/** `/schema`, each `…/schema`, and Swagger UI from files that the server ships. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BiodmError } from '../errors.js'
import type { Model, Resource } from '../model/model.js'
import type { Answer } from '../services/core.js'
import { openapiDocument } from './openapi/document.js'
import { root } from './root.js'
import type { Route } from './route.js'

const PUBLIC = { public: true, ignoreToken: false } as const

/** `routes`: the whole table, these included; asked for with the first request. */
export function documentRoutes(model: Model, routes: () => readonly Route[]): readonly Route[] {
  const whole = once(() => document(model, routes()))
  return [
    root('schema', PUBLIC, whole),
    ...[...model.byPath.values()].map((resource) =>
      schemaRoute(
        resource,
        once(() => document(model, routes(), resource.name)),
      ),
    ),
    root('swagger', PUBLIC, () => PAGE),
    { ...root('swagger/*', PUBLIC, ({ params }) => asset(params[0] ?? '')), hidden: true },
  ]
}

/** The table does not change while a server runs, and neither do its documents. */
function once(make: () => Answer): () => Answer {
  let made: Answer | undefined
  return () => {
    made ??= make()
    return made
  }
}

function document(model: Model, routes: readonly Route[], resource?: string): Answer {
  const options = resource === undefined ? {} : { resource }
  return { status: 200, body: JSON.stringify(openapiDocument(model, routes, options)) }
}

function schemaRoute(resource: Resource, run: Route['run']): Route {
  return {
    method: 'GET',
    template: `/${resource.path}/schema`,
    policy: { ...PUBLIC, guard: { kind: 'open' } },
    action: { kind: 'schema', resource: resource.name },
    body: 'none',
    json: true,
    hidden: false,
    run,
  }
}

/** Addresses are relative, so that the page works behind any mount point. */
const PAGE: Answer = Object.freeze({
  status: 200,
  headers: Object.freeze({
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  }),
  body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<link rel="stylesheet" href="swagger/swagger-ui.css">
<link rel="icon" type="image/png" href="swagger/favicon-32x32.png">
</head>
<body>
<div id="ui"></div>
<script src="swagger/swagger-ui-bundle.js"></script>
<script src="swagger/start.js"></script>
</body>
</html>
`,
})

const START = "SwaggerUIBundle({ url: 'schema', dom_id: '#ui', deepLinking: true, validatorUrl: null })\n"

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

async function asset(name: string): Promise<Answer> {
  const headers = { 'Cache-Control': 'public, max-age=86400' }
  if (name === 'start.js')
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': 'text/javascript; charset=utf-8' },
      body: START,
    }
  const type = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined
  if (type === undefined) throw new BiodmError('not_found', 'There is no such file')
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  return {
    status: 200,
    headers: { ...headers, 'Content-Type': type },
    body: await readFile(join(folder, name)),
  }
}
