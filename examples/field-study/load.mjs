#!/usr/bin/env node
// Loads the penguins through the API of a running server: node examples/field-study/load.mjs [url]
import cliProgress from 'cli-progress'
import { SPECIES, STUDY, samples } from './penguins.mjs'

const BATCH = 43

export async function load(url) {
  const post = async (path, body) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer = await response.json()
    if (response.status !== 201) throw new Error(`POST ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  await post('/species', SPECIES)
  const study = await post('/studies', STUDY)
  const birds = await samples(study.id)
  const bar = new cliProgress.SingleBar(
    {
      format: 'loading penguins [{bar}] {value}/{total}',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 500,
    },
    cliProgress.Presets.shades_classic,
  )
  bar.start(birds.length, 0)
  for (let from = 0; from < birds.length; from += BATCH) {
    await post('/samples', birds.slice(from, from + BATCH))
    bar.update(Math.min(from + BATCH, birds.length))
  }
  bar.stop()
  return birds.length
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await load(process.argv[2] ?? 'http://127.0.0.1:8000')
}
