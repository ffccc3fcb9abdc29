/** What it costs that new files come with signed forms, beside the same rows without. */
let made = 0
const thousand = (path) => () => ({
  method: 'POST',
  path,
  body: JSON.stringify(
    Array.from({ length: 1_000 }, (_, index) => ({
      filename: `reads_${made++}`,
      extension: 'fastq',
      size: 1 + index * 1_000,
    })),
  ),
})

const row = (name, database) => ({
  name: `${name} 1 000 file rows with forms`,
  database,
  floor: 0.33,
  goal: 0.37,
  against: 'without forms',
  targets: {
    biodm: { server: 'files', request: thousand('/files'), connections: 1 },
    'without forms': { server: 'files', request: thousand('/plains'), connections: 1 },
  },
})

export const FILES = [row('PostgreSQL', 'postgres'), row('SQLite', 'sqlite')]
