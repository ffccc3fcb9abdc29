import t from 'tap'
import { Bounded } from '../src/bounded.js'

t.test('a value is made once while it is used, and again when it was forgotten', async (t) => {
  const made: string[] = []
  const bounded = new Bounded<string, string>(2)
  const get = (key: string) =>
    bounded.get(key, () => {
      made.push(key)
      return `value of ${key}`
    })
  t.equal(get('a'), 'value of a')
  for (const other of ['b', 'c', 'd', 'e', 'f']) {
    get(other)
    get('a')
  }
  t.strictSame(made, ['a', 'b', 'c', 'd', 'e', 'f'], 'what is used stays')
  get('b')
  t.strictSame(made.slice(6), ['b'], 'what is not used is made again')
})

t.test('no more than twice its size is kept', async (t) => {
  let kept = 0
  const bounded = new Bounded<number, object>(3)
  for (let key = 0; key < 100; key++) bounded.get(key, () => ({}))
  for (let key = 99; key >= 0; key--) {
    let made = false
    bounded.get(key, () => {
      made = true
      return {}
    })
    if (made) break
    kept += 1
  }
  t.ok(kept >= 3 && kept <= 6, `${kept} kept`)
})
