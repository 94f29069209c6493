import { expect, test } from 'vitest'
import { BodyError } from '../errors.js'
import { checkJson, type JsonFaults, JsonMeter } from './json-values.js'

const faults: JsonFaults = {
  tooDeep: (limit) => {
    throw new Error(`more than ${limit} levels`)
  },
  prototypeKey: (found) => {
    throw new Error(found)
  },
}

/** True if a text passes with this many values left. */
function passes(text: string, jsonValues: number): boolean {
  try {
    new JsonMeter({ jsonValues }).check(text)
    return true
  } catch (error) {
    if (error instanceof BodyError && error.code === 'LIMIT_JSON_VALUES') return false
    throw error
  }
}

test.each([
  '1',
  '"a"',
  '""',
  '[]',
  '{}',
  ' [ ] ',
  '[[]]',
  '[[],[]]',
  '[{},{}]',
  '[1,1,1]',
  '{"a":1,"b":[2,{"c":null}]}',
  '{"a":{}}',
  '["[,,,{", "\\"", "\\\\", "\\\\\\",[", ",", "]"]',
  '[\n\t[ ],\r\n{ }\t]',
  '{"a\\"[":"]\\\\","b":[[[[1]]]]}',
])('the values in %s are counted alike before and after it is parsed', (text) => {
  const values = checkJson(JSON.parse(text), 100, faults)
  expect(passes(text, values)).toBe(true)
  expect(passes(text, values - 1)).toBe(false)
})

test('texts that are not JSON are counted in linear time', () => {
  const reference = '[1,'.repeat(300_000)
  const time = (text: string): number => {
    const { user, system } = process.cpuUsage()
    passes(text, 2_000_000)
    const now = process.cpuUsage()
    return now.user + now.system - user - system
  }
  time(reference)
  const least = Math.max(time(reference), 5000)
  for (const run of ['"', '\\', '"\\', '\\"', '[', '[ ', ' ', '{"', '"\\\\'])
    expect(time(run.repeat(Math.ceil(900_000 / run.length)))).toBeLessThan(20 * least)
})

test('a meter counts all texts of a request together', () => {
  const meter = new JsonMeter({ jsonValues: 5 })
  meter.check('[1,2]')
  meter.add(3)
  expect(() => meter.check('[1]')).not.toThrow()
  expect(() => meter.check('[1,2]')).toThrow(BodyError)
})

test('keys that reach a prototype are found however they are spelled, and no others', () => {
  const check = (text: string) => () => checkJson(JSON.parse(text), 100, faults)
  expect(check('{"a":[{"__proto__":1}]}')).toThrow('a key called __proto__')
  expect(check('{"\\u005F\\u005fproto__":1}')).toThrow('a key called __proto__')
  expect(check('{"constructor":{"prototype":1}}')).toThrow('constructor')
  expect(check('{"\\u0063onstructor":{"prototype":1}}')).toThrow('constructor')
  for (const text of [
    '["__proto__"]',
    '{"a":"__proto__"}',
    '{"constructor":{"a":1}}',
    '{"constructor":null}',
  ])
    expect(check(text)).not.toThrow()
})

test('the levels of objects and lists are counted', () => {
  const check = (text: string) => () => checkJson(JSON.parse(text), 2, faults)
  for (const text of ['1', '[1]', '[{"a":1}]', '{"a":[],"b":{}}']) expect(check(text)).not.toThrow()
  for (const text of ['[[[]]]', '{"a":[{"b":1}]}']) expect(check(text)).toThrow('more than 2 levels')
})
