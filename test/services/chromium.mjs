/** A headless browser for the tests that need a real one: the system's Chromium, installed by apt when it is missing. */
import { existsSync } from 'node:fs'
import { run } from './processes.mjs'

const PROGRAM = '/usr/bin/chromium'

/** `BIODM_TEST_CHROMIUM` names another program. */
export async function startChromium({ log = () => {} } = {}) {
  const program = process.env.BIODM_TEST_CHROMIUM || PROGRAM
  if (!existsSync(program)) {
    log('installing Chromium by apt')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await run('apt-get', ['update', '-q'], { env })
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { env })
  }
  return { env: { BIODM_TEST_CHROMIUM: program }, stop: async () => {} }
}
