/** Models from configurations written in a test, as objects or YAML text. */
import { parse } from 'yaml'
import { loadDefinition } from '../../src/config/load.js'
import { compileModel } from '../../src/model/compile.js'
import type { Model } from '../../src/model/model.js'
import type { Plugin } from '../../src/plugin.js'

export async function modelOf(
  source: string | Record<string, unknown>,
  plugins: Readonly<Record<string, Plugin>> = {},
): Promise<Model> {
  const raw: Record<string, unknown> = typeof source === 'string' ? parse(source) : source
  const definition = await loadDefinition(
    { name: 'test', database: { url: 'sqlite::memory:' }, ...raw },
    {
      env: {},
      loadPlugin: async (specifier) => {
        const plugin = plugins[specifier]
        if (plugin === undefined) throw new Error(`no plugin ${specifier}`)
        return plugin
      },
    },
  )
  return compileModel(definition)
}
