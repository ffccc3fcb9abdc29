/** Which patterns of columns are refused: those whose time could explode, and no others that people write. */
import t from 'tap'
import { nestsQuantifiers, repeatsAlternatives } from '../../src/config/check/pattern.js'

const REFUSED = [
  '(a+)+',
  '^(a+)+$',
  '^(a*)*$',
  '(a?)*',
  '(a|b+)+x',
  '^([a-z]+_?)*$',
  '^((ab)*c?)+$',
  '(?:a+){2,}',
  '(?<word>\\w+)+',
  '(?=(a+)+)b',
  '(.*a){25}',
  '(\\w{1,9}){9}',
  '((a{1,3}){1,3}){9}',
  '([)]+[(]*)+',
  '^[a-z]+(-[a-z]+)*$',
  '(\\p{L}+)*',
  '(a|a)*',
  '(\\d|\\w)+',
]
const ALLOWED = [
  '^[A-Z]{2}(-[0-9]+)?$',
  '^([0-9A-F]{2}:){5}[0-9A-F]{2}$',
  '^\\d+(\\.\\d+)?$',
  '^(ENSG\\d{11})(,ENSG\\d{11})*$',
  '^\\d{1,3}(\\.\\d{1,3}){3}$',
  '^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$',
  '^(foo|bar)+$',
  '^\\p{Lu}\\p{Ll}*$',
  '^[)(+*]+$',
  '^\\(\\+\\)+$',
  '(?<year>\\d{4})-\\k<year>',
  '^(?:https?:\\/\\/)?[\\w.-]+$',
  '',
]

for (const pattern of REFUSED)
  t.ok(nestsQuantifiers(pattern) || repeatsAlternatives(pattern), `${pattern} is refused`)
for (const pattern of ALLOWED)
  t.notOk(nestsQuantifiers(pattern) || repeatsAlternatives(pattern), `${pattern} is fine`)

t.test('what is allowed ends soon on texts that nearly match', async (t) => {
  const texts = ['a', '1', '.', 'A', 'A0:', '1.', 'foo', 'ENSG12345678901,', 'a@', '('].map(
    (part) => `${part.repeat(3_000)}!`,
  )
  const start = performance.now()
  for (const pattern of ALLOWED) for (const text of texts) new RegExp(pattern, 'u').test(text)
  t.ok(performance.now() - start < 2_000)
})
