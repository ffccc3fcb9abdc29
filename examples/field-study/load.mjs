#!/usr/bin/env node
// Loads the penguins through the API of a running server:
//   BIODM_PASSWORD=… node examples/field-study/load.mjs [url]        as the user `admin`
import { readFile } from 'node:fs/promises'
import cliProgress from 'cli-progress'
import { DRAFT, GROUPS, PEOPLE, SPECIES, STUDY, samples, TABLE } from './penguins.mjs'

const BATCH = 43

export async function load(url, password) {
  const login = await send(`${url}/login`, { username: 'admin', password })
  const post = (path, body) => send(url + path, body, login.access_token)
  await post('/groups', GROUPS)
  await post('/users', PEOPLE)
  await post('/species', SPECIES)
  const study = await post('/studies', STUDY)
  await post('/studies', DRAFT)
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
  await upload(post, study.id)
  return birds.length
}

async function send(url, body, token) {
  const headers = {
    'content-type': 'application/json',
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}

/** The table itself becomes a file: announced here, then sent to the store with the signed form of the answer. */
async function upload(post, studyId) {
  const bytes = await readFile(TABLE)
  const file = await post('/files', {
    filename: 'penguins',
    extension: 'json',
    size: bytes.length,
    content_type: 'application/json',
    study_id: studyId,
  })
  const [part] = file.upload.parts
  const form = new FormData()
  for (const [name, value] of Object.entries(part.fields)) form.append(name, value)
  form.append('file', new Blob([bytes]))
  const stored = await fetch(part.url, { method: part.method, body: form })
  if (!stored.ok) throw new Error(`upload: ${stored.status} ${await stored.text()}`)
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await load(process.argv[2] ?? 'http://127.0.0.1:8000', process.env.BIODM_PASSWORD)
}
