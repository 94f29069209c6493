/** The types that schemas of other libraries than zod give. */
import { body, type UploadedFile } from '@formgate/express'
import { type } from 'arktype'
import express from 'express'
import * as v from 'valibot'
import { is, type Equal } from './equal.js'

const app = express()
app.post('/', body(v.object({ a: v.number() })), (req) => is<Equal<typeof req.data, { a: number }>>())
app.post('/', body(v.object({ f: v.file() })), (req) => is<Equal<typeof req.data.f, UploadedFile>>())
app.post('/', body(type({ a: 'number' })), (req) => is<Equal<typeof req.data, { a: number }>>())
