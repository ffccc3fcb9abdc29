// Turns the published table (one row a bird) into the trees that the API takes.
import { readFile } from 'node:fs/promises'

const MEASURES = {
  'Beak Length (mm)': { kind: 'beak_length', unit: 'mm' },
  'Beak Depth (mm)': { kind: 'beak_depth', unit: 'mm' },
  'Flipper Length (mm)': { kind: 'flipper_length', unit: 'mm' },
  'Body Mass (g)': { kind: 'body_mass', unit: 'g' },
}
const SEXES = { MALE: 'male', FEMALE: 'female' }

export const SPECIES = [
  { name: 'Adelie', scientific_name: 'Pygoscelis adeliae', parent: 'Pygoscelis' },
  { name: 'Chinstrap', scientific_name: 'Pygoscelis antarcticus', parent: 'Pygoscelis' },
  { name: 'Gentoo', scientific_name: 'Pygoscelis papua', parent: 'Pygoscelis' },
]

export const STUDY = {
  name: 'Palmer penguins',
  description: 'Size measurements of adult foraging penguins near Palmer Station, Antarctica',
  started_on: '2007-11-11',
  ended_on: '2009-12-01',
  sites: [
    { name: 'Biscoe', latitude: -65.4333, longitude: -65.5 },
    { name: 'Dream', latitude: -64.7333, longitude: -64.2333 },
    { name: 'Torgersen', latitude: -64.7667, longitude: -64.0833 },
  ],
  protocols: [
    {
      title: 'Body size',
      text: 'Measure adults of nests with two eggs.',
      steps: [
        { position: 1, instruction: 'Measure beak length and depth with dial calipers, to 0.1 mm.' },
        { position: 2, instruction: 'Measure the right flipper with a ruler, to 1 mm.' },
        { position: 3, instruction: 'Weigh the bird with a spring scale, to 25 g.' },
      ],
    },
  ],
}

/** Groups and people of the example. The passwords are public: this is no server for the internet. */
export const GROUPS = [{ path: 'curators' }, { path: 'field' }, { path: 'field__palmer' }]
export const PEOPLE = [
  { username: 'kit', password: 'kit-the-curator', groups: [{ path: 'curators' }, { path: 'field' }] },
  { username: 'fay', password: 'fay-in-the-field', groups: [{ path: 'field__palmer' }] },
]

/** Not published yet: its lists show it to the field group alone. */
export const DRAFT = {
  name: 'Winter counts',
  description: 'Not published yet',
  started_on: '2010-06-01',
  perm_self: { read: { groups: [{ path: 'field' }] } },
  perm_samples: { read: { groups: [{ path: 'field' }] }, write: { groups: [{ path: 'field__palmer' }] } },
  samples: [
    { label: 'W001', site: { name: 'Dream' }, species: { name: 'Gentoo' }, notes: 'Seen once, not caught' },
  ],
}

/** The published table itself. */
export const TABLE = new URL('../data/penguins.json', import.meta.resolve('vega-datasets'))

/** The 344 birds as sample trees; measurements that were not taken are absent. */
export async function samples(studyId) {
  const birds = JSON.parse(await readFile(TABLE, 'utf8'))
  return birds.map((bird, index) => {
    const measurements = Object.entries(MEASURES)
      .filter(([column]) => bird[column] !== null)
      .map(([column, measure]) => ({ ...measure, value: bird[column] }))
    const complete = measurements.length === 4 && SEXES[bird.Sex] !== undefined
    return {
      study_id: studyId,
      label: `P${String(index + 1).padStart(3, '0')}`,
      sex: SEXES[bird.Sex] ?? null,
      site_name: bird.Island,
      species_name: bird.Species,
      measurements,
      tags: [{ name: complete ? 'complete' : 'incomplete' }],
    }
  })
}
