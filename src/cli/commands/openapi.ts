import { loadDefinition } from '../../config/load.js'
import { didYouMean } from '../../config/suggest.js'
import { openapiDocument } from '../../controllers/openapi/document.js'
import { compileModel } from '../../model/compile.js'
import { loadPlugin } from '../../registry.js'
import { routeTable } from '../../runtime/routes.js'
import { type CommonFlags, definitionOverrides } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export interface OpenapiFlags extends CommonFlags {
  readonly resource?: string
}

/** Connects to nothing: the document follows from the configuration alone. `--json` has it on one line. */
export async function run(config: string, flags: OpenapiFlags, { output }: Session): Promise<number> {
  const model = compileModel(
    await loadDefinition(config, { loadPlugin, overrides: definitionOverrides(flags) }),
  )
  const names = [...model.byPath.values()].map(({ name }) => name)
  const { resource } = flags
  if (resource !== undefined && !names.includes(resource)) {
    const message = `there is no resource ${resource}`
    const hint = didYouMean(resource, names, 'resources')
    output.err(
      flags.json === true
        ? JSON.stringify({ ok: false, message })
        : `biodm: ${message}${hint === null ? '' : `: ${hint}`}`,
    )
    return EXIT.failed
  }
  const { url, basePath } = model.definition.server
  const document = openapiDocument(model, routeTable(model), {
    ...(url === null ? {} : { url: url + (basePath === '/' ? '' : basePath) }),
    ...(resource === undefined ? {} : { resource }),
  })
  output.out(JSON.stringify(document, null, flags.json === true ? undefined : 2))
  return EXIT.ok
}
