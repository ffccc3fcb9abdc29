/** `plugins:` → loaded modules, in order, with their options. */
import type { Plugin } from '../plugin.js'
import type { LoadedPlugin } from './draft.js'
import type { RawConfig } from './raw.js'
import type { Report } from './report.js'

export type LoadPlugin = (specifier: string, dir: string) => Promise<Plugin>

/** A plugin that cannot be loaded is a fault at its place; the others are there. */
export async function loadPlugins(
  raw: RawConfig['plugins'],
  dir: string,
  load: LoadPlugin,
  report: Report,
): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = []
  for (const [specifier, options] of Object.entries(raw ?? {})) {
    const at = ['plugins', specifier]
    try {
      const plugin = await load(specifier, dir)
      const twin = loaded.find((other) => other.plugin.name === plugin.name)
      if (twin === undefined) loaded.push({ specifier, plugin, options: options ?? {}, at })
      else
        report.fault(at, `\`${twin.specifier}\` is a plugin of the name \`${plugin.name}\` already`, {
          key: true,
        })
    } catch (cause) {
      report.fault(at, cause instanceof Error ? cause.message : String(cause), { key: true })
    }
  }
  return loaded
}
