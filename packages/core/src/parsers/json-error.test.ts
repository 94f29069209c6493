import { describe, expect, it } from 'vitest'
import { findJsonError } from './json-error.js'

describe('the first error in a text that is not JSON', () => {
  it.each([
    ['', 'expected a value but found the end of the body', 0],
    ['  ', 'expected a value but found the end of the body', 2],
    ['{"a":1,}', 'expected a property name in double quotes but found "}"', 7],
    ['{a:1}', 'expected a property name in double quotes but found "a"', 1],
    ["{'a':1}", 'expected a property name in double quotes but found "\'"', 1],
    ['{"a"}', 'expected ":" but found "}"', 4],
    ['[1,]', 'expected a value but found "]"', 3],
    ['[1 2]', 'expected "," or "]" but found "2"', 3],
    ['{"a":[1,2}', 'expected "," or "]" but found "}"', 9],
    ['[1', 'expected "," or "]" but found the end of the body', 2],
    ['{"a":NaN}', 'expected a value but found "N"', 5],
    ['01', 'expected the end but found "1"', 1],
    ['1.', 'expected the end but found "."', 1],
    ['"a', 'expected the end of a string but found the end of the body', 2],
    ['"a\\x"', 'expected an escape such as \\n or \\u0041 but found "\\\\"', 2],
    ['"a\nb"', 'expected the end of a string but found "\\n"', 2],
    ['tru', 'expected a value but found "t"', 0],
    ['a=1', 'expected a value but found "a"', 0],
  ])('%j: %s', (text, reason, offset) => {
    expect(findJsonError(text)).toEqual({ reason, offset })
  })

  it('is found in exactly the texts that JSON.parse refuses', () => {
    const seeds = [
      '{"a":[1,-2.5e+3,true,null],"b":{"c":"x\\u0041\\n"}}',
      '[[],{},"",0,-0,1E9]',
      '"\\ud800\\"\u007f\u0085"',
    ]
    const bytes = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '0',
      '-',
      '.',
      'e',
      't',
      ' ',
      '\n',
      '\u0001',
      '\u00a0',
    ]
    let mutants = 0
    for (const seed of seeds) {
      for (let at = 0; at <= seed.length; at += 1) {
        for (const byte of bytes) {
          for (const cut of [0, 1, 2]) {
            const mutant = seed.slice(0, at) + byte + seed.slice(at + cut)
            expect([mutant, findJsonError(mutant) === undefined]).toEqual([mutant, isJson(mutant)])
            mutants += 1
          }
        }
      }
    }
    expect(mutants).toBeGreaterThan(4000)
  })

  it('is found below 100,000 levels without a stack overflow', () => {
    expect(findJsonError('['.repeat(100_000))).toMatchObject({ offset: 100_000 })
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
