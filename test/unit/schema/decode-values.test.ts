import { describe, expect, it } from 'vitest'
import { jsonDecoder } from '#schema/decode.ts'
import { decodeValue, field, recordsOf, rowsOf } from '../../support/json-records.ts'

describe('a boolean column', () => {
  it.each([
    ['true', true],
    ['false', false],
    ['null', null],
    ['"true"', true],
    ['"FALSE"', false],
    ['" True "', true],
    ['"f\\u0061lse"', false],
    ['""', null],
    ['"yes"', 'boolean expected — x: "yes"'],
    ['1', 'boolean expected — x: 1'],
    ['{}', 'boolean expected — x: {}'],
  ])('takes %s as %j', (json, value) => {
    expect(decodeValue('boolean', json)).toEqual(value)
  })
})

describe('columns of numbers', () => {
  it.each([
    ['0', 0],
    ['-0', -0],
    ['41.735610104', 41.735610104],
    ['-87.61354875300001', Number('-87.61354875300001')],
    ['1e3', 1000],
    ['1E-7', 1e-7],
    ['123456789012345678901234567890', Number('123456789012345678901234567890')],
    ['9007199254740993', 9007199254740992],
    ['0.1000000000000000055511151231257827', 0.1],
    ['2.2250738585072011e-308', Number('2.2250738585072011e-308')],
    ['5e-324', 5e-324],
    ['1e-400', 0],
    ['"1.5"', 1.5],
    ['" +007.50 "', 7.5],
    ['"-.5"', -0.5],
    ['"1e\\u0033"', 1000],
    ['""', null],
    ['"  "', null],
    ['null', null],
    ['1e400', 'number not finite — x: 1e400'],
    ['"-Infinity"', 'number not finite — x: "-Infinity"'],
    ['"NaN"', 'number not finite — x: "NaN"'],
    ['"1,5"', 'number expected — x: "1,5"'],
    ['"0x10"', 'number expected — x: "0x10"'],
    ['"+-5"', 'number expected — x: "+-5"'],
    ['"5."', 'number expected — x: "5."'],
    ['"1 2"', 'number expected — x: "1 2"'],
    ['"-"', 'number expected — x: "-"'],
    ['"."', 'number expected — x: "."'],
    ['"1e"', 'number expected — x: "1e"'],
    ['true', 'number expected — x: true'],
    ['[1]', 'number expected — x: [1]'],
  ])('double takes %s as %j', (json, value) => {
    expect(decodeValue('double', json)).toEqual(value)
  })

  it.each([
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
    ['1.0', 1],
    ['1.50e2', 150],
    ['0e-5', 0],
    ['-0', 0],
    ['"006"', 6],
    ['""', null],
    ['2147483648', 'number out of range — x: 2147483648'],
    ['-2147483649', 'number out of range — x: -2147483649'],
    ['1e10', 'number out of range — x: 1e10'],
    ['1.5', 'whole number expected — x: 1.5'],
    ['15e-1', 'whole number expected — x: 15e-1'],
    ['"1.5"', 'whole number expected — x: "1.5"'],
    ['1.00000000000000000000001', 'whole number expected — x: 1.00000000000000000000001'],
    ['1e-400', 'whole number expected — x: 1e-400'],
    ['"six"', 'number expected — x: "six"'],
  ])('int takes %s as %j', (json, value) => {
    expect(decodeValue('int', json)).toEqual(value)
  })

  it.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['"9007199254740991"', 9007199254740991],
    ['9007199254740992', 'number out of range — x: 9007199254740992'],
    ['-9007199254740993', 'number out of range — x: -9007199254740993'],
    ['9007199254740991.4', 'whole number expected — x: 9007199254740991.4'],
    ['1e400', 'number out of range — x: 1e400'],
  ])('long takes %s as %j', (json, value) => {
    expect(decodeValue('long', json)).toEqual(value)
  })
})

describe('columns of time', () => {
  const chicago = { pattern: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' }

  it.each([
    ['"2018-06-01T00:00:00"', Date.parse('2018-06-01T00:00:00Z')],
    ['"2018-06-01T00:00:00\\u002b02:00"', Date.parse('2018-05-31T22:00:00Z')],
    ['" 2018-06-01 "', Date.parse('2018-06-01T00:00:00Z')],
    ['1527811200000', 1527811200000],
    ['-1', -1],
    ['""', null],
    ['null', null],
    ['1.5', 'whole number expected — x: 1.5'],
    ['8640000000000001', 'number out of range — x: 8640000000000001'],
    ['"1527811200000"', 'not a date — x: "1527811200000"'],
    ['true', 'not a date — x: true'],
    ['"2018-02-30"', 'no such date — x: "2018-02-30"'],
  ])('timestamp takes %s as %j', (json, value) => {
    expect(decodeValue('timestamp', json)).toEqual(value)
  })

  it.each([
    ['"06/01/2018 12:30:00 AM"', Date.parse('2018-06-01T05:30:00Z')],
    ['"02/30/2018 12:30:00 AM"', 'no such date — x: "02/30/2018 12:30:00 AM"'],
    ['"03/11/2018 02:30:00 AM"', 'no such local time — x: "03/11/2018 02:30:00 AM"'],
    ['"11/04/2018 01:30:00 AM"', Date.parse('2018-11-04T06:30:00Z')],
    ['"2018-06-01"', 'not a date — x: "2018-06-01"'],
  ])('timestamp of a pattern and a zone takes %s as %j', (json, value) => {
    expect(decodeValue('timestamp', json, chicago)).toEqual(value)
  })

  it.each([
    ['"2018-06-01"', 17_683],
    ['17683', 17_683],
    ['"1969-12-31"', -1],
    ['""', null],
    ['"2018-06-31"', 'no such date — x: "2018-06-31"'],
    ['"June"', 'not a date — x: "June"'],
    ['1.5', 'whole number expected — x: 1.5'],
    ['false', 'not a date — x: false'],
  ])('date takes %s as %j', (json, value) => {
    expect(decodeValue('date', json)).toEqual(value)
  })
})

describe('a binary column', () => {
  it.each([
    ['"AQID"', new Uint8Array([1, 2, 3])],
    ['"AQI="', new Uint8Array([1, 2])],
    ['"AQ"', new Uint8Array([1])],
    ['"\\/\\/8="', new Uint8Array([255, 255])],
    ['""', null],
    ['"A"', 'base64 text expected — x: "A"'],
    ['"AQ=a"', 'base64 text expected — x: "AQ=a"'],
    ['"AR"', 'base64 text expected — x: "AR"'],
    ['"é"', 'base64 text expected — x: "é"'],
    ['7', 'base64 text expected — x: 7'],
  ])('takes %s as %j', (json, value) => {
    expect(decodeValue('binary', json)).toEqual(value)
  })

  it('holds many values of any length', () => {
    const values = Array.from({ length: 100 }, (_, length) => Buffer.alloc(length + 1, length))
    const decoded = jsonDecoder([field('x', 'binary')]).decode(
      recordsOf(values.map((value) => JSON.stringify({ x: value.toString('base64') }))),
    )
    expect(rowsOf(decoded)).toEqual(values.map((value) => ({ x: new Uint8Array(value) })))
  })
})

describe('a point column', () => {
  it.each([
    ['{"latitude":41.8,"longitude":-87.6}', { latitude: 41.8, longitude: -87.6 }],
    ['{ "longitude" : -87.6 , "more" : [1] , "l\\u0061titude" : 41.8 }', { latitude: 41.8, longitude: -87.6 }],
    ['null', null],
    ['""', null],
    ['{}', 'point expected — x: {}'],
    ['{"latitude":41.8}', 'point expected — x: {"latitude":41.8}'],
    ['{"latitude":41.8,"longitude":null}', 'point expected — x: {"latitude":41.8,"longitude":null}'],
    ['{"latitude":1e999,"longitude":0}', 'point expected — x: {"latitude":1e999,"longitude":0}'],
    ['"41.8,-87.6"', 'point expected — x: "41.8,-87.6"'],
    ['[41.8,-87.6]', 'point expected — x: [41.8,-87.6]'],
    ['{"latitude":41.8,}', 'not a JSON object — {"x":{"latitude":41.8,}}'],
    ['{"latitude" 41.8}', 'not a JSON object — {"x":{"latitude" 41.8}}'],
  ])('takes %s as %j', (json, value) => {
    expect(decodeValue('geo_point', json)).toEqual(value)
  })
})
