/** Small apps of users, as they are before and after the codemod. */

/** Files by name. */
export type Files = Readonly<Record<string, string>>

export interface App {
  readonly before: Files
  readonly after: Files
}

const multerHandlers: App = {
  before: {
    'package.json': `{
  "name": "photos",
  "dependencies": {
    "express": "^5.0.0",
    "multer": "^2.0.0"
  },
  "devDependencies": {
    "@types/multer": "^2.0.0"
  }
}
`,
    'uploads/.keep': '',
    'upload.js': `const multer = require('multer')
const path = require('path')

const storage = multer.diskStorage({
  destination: (req, file, cb) => {
    cb(null, 'uploads/')
  },
  filename: function (req, file, cb) {
    cb(null, Date.now() + '-' + Math.random() + path.extname(file.originalname))
  },
})

const fileFilter = (req, file, cb) => {
  if (file.mimetype.startsWith('image/')) {
    cb(null, true)
  } else if (req.get('X-Strict')) {
    cb(new Error('Only images'), false)
  } else {
    cb(null, false)
  }
}

module.exports = multer({ storage, fileFilter, limits: { fileSize: 2000 } })
`,
    'controller.js': `const fs = require('fs')

exports.create = (req, res) => {
  if (!req.file) return res.status(422).json({ error: 'no file', title: req.body.title })
  const { originalname, mimetype: type, size } = req.file
  const folder = req.file.path.slice(0, 8)
  res.json({ originalname, type, size, folder, text: fs.readFileSync(req.file.path, 'utf8'), title: req.body.title })
}
`,
    'app.js': `const express = require('express')
const { MulterError } = require('multer')
const upload = require('./upload')
const { create } = require('./controller')

const app = express()
app.use(express.json())
app.post('/photo', upload.single('photo'), create)
app.post('/photos', upload.array('photos', 2), (req, res) => {
  res.json(req.files.map((file) => file.originalname))
})
app.post('/profile', upload.fields([{ name: 'photo', maxCount: 1 }, { name: 'more' }]), (req, res) => {
  res.json({ photo: req.files.photo[0].fieldname, more: req.files['more'].length, tags: req.body.tags })
})
app.post('/fields', upload.none(), (req, res) => res.json({ a: req.body.a }))
app.use((err, req, res, next) => {
  if (err instanceof MulterError) return res.status(400).json({ error: err.code === 'LIMIT_FILE_COUNT' ? 'many' : err.code })
  res.status(500).json({ error: err.message })
})

module.exports = app
`,
  },
  after: {
    'package.json': `{
  "name": "photos",
  "dependencies": {
    "@formgate/express": "^0.1.0",
    "express": "^5.0.0"
  },
  "devDependencies": {}
}
`,
    'upload.js': `const { disk, multipart } = require('@formgate/express')
const path = require('path')

const storage = disk({
  directory: 'uploads/',
  name: function (file) {
    return Date.now() + '-' + Math.random() + path.extname(file.name)
  },
})

const fileFilter = (file, req) => {
  if (file.type.startsWith('image/')) {
    return true
  } else if (req.get('X-Strict')) {
    throw new Error('Only images')
  } else {
    return false
  }
}

module.exports = (routeLimits) => multipart({ storage, filter: fileFilter, limits: { fileSize: 2000, ...routeLimits }, nested: true, errors: 'next' })
`,
    'controller.js': `const fs = require('fs')
const { relative } = require('node:path')

exports.create = (req, res) => {
  const file = req.files['photo']?.[0]
  file?.keep()
  if (!file) return res.status(422).json({ error: 'no file', title: req.data.title })
  const { name: originalname, type: type, size } = file
  const folder = relative('', file.path).slice(0, 8)
  res.json({ originalname, type, size, folder, text: fs.readFileSync(relative('', file.path), 'utf8'), title: req.data.title })
}
`,
    'app.js': `const express = require('express')
const { BodyError } = require('@formgate/express')
const upload = require('./upload')
const { create } = require('./controller')

const app = express()
app.use(express.json())
app.post('/photo', upload({ files: 1 }), create)
app.post('/photos', upload({ files: 2 }), (req, res) => {
  const files = req.files['photos'] ?? []
  for (const each of files) each.keep()
  res.json(files.map((file) => file.name))
})
app.post('/profile', upload(), (req, res) => {
  for (const each of Object.values(req.files).flat()) each.keep()
  res.json({ photo: req.files.photo[0].field, more: req.files['more'].length, tags: req.data.tags })
})
app.post('/fields', upload({ files: 0 }), (req, res) => res.json({ a: req.data.a }))
app.use((err, req, res, next) => {
  if (err instanceof BodyError) return res.status(400).json({ error: err.code === 'LIMIT_FILES' ? 'many' : err.code })
  res.status(500).json({ error: err.message })
})

module.exports = app
`,
  },
}

const multerInMemory: App = {
  before: {
    'package.json': `{ "type": "module" }\n`,
    'app.js': `import express from "express";
import multer, { memoryStorage } from "multer";

const upload = multer({
  storage: memoryStorage(),
  limits: { fileSize: 1024, files: 3 },
  fileFilter: (req, file, cb) => check(file, cb),
}).single("doc");

function check(file, cb) {
  if (!/^text/.test(file.mimetype)) return cb("Only texts");
  cb(null, file.originalname.length < 20);
}

const router = express.Router();
router.put("/wrapped", (req, res) => {
  upload(req, res, async (err) => {
    if (err) return res.status(400).json({ code: err.code });
    res.json({ text: req.file?.buffer.toString(), nested: req.body.a });
  });
});
router
  .route("/route")
  .post([(req, res, next) => next(), multer({ limits: { fileSize: 99 } }).any()], safe(async (req, res) => {
    const first = req.files[0];
    const sizes = [];
    for (const { size, fieldname } of req.files) sizes.push(size, fieldname);
    res.json({ sizes, text: String(first.buffer), json: req.body.json });
  }));

function safe(handler) {
  return (req, res, next) => handler(req, res, next).catch(next);
}

export const app = express().use(express.json(), router);
export { app as default };
`,
  },
  after: {
    'package.json': `{ "type": "module" }\n`,
    'app.js': `import express from "express";
import { memory, multipart } from "@formgate/express";

const upload = multipart({
  storage: memory(),
  limits: { fileSize: 1024, files: 1 },
  filter: (file, req) => new Promise((resolve, reject) => void ((req, file, cb) => check(file, cb))(req, file, (error, result) => (error ? reject(error) : resolve(Boolean(result))))),
  nested: true,
  errors: 'next',
});

function check(file, cb) {
  if (!/^text/.test(file.type)) return cb("Only texts");
  cb(null, file.name.length < 20);
}

const router = express.Router();
router.put("/wrapped", (req, res) => {
  upload(req, res, async (err) => {
    const file = req.files["doc"]?.[0];
    if (err) return res.status(400).json({ code: err.code });
    res.json({ text: (file && Buffer.from(await file.arrayBuffer()))?.toString(), nested: req.data.a });
  });
});
router
  .route("/route")
  .post([(req, res, next) => next(), multipart({ limits: { fileSize: 99 }, storage: memory(), nested: true, errors: 'next' })], safe(async (req, res) => {
    const files = Object.values(req.files).flat();
    const first = files[0];
    const sizes = [];
    for (const { size, field: fieldname } of files) sizes.push(size, fieldname);
    res.json({ sizes, text: String(Buffer.from(await first.arrayBuffer())), json: req.data.json });
  }));

function safe(handler) {
  return (req, res, next) => handler(req, res, next).catch(next);
}

export const app = express().use(express.json(), router);
export { app as default };
`,
  },
}

const multerTyped: App = {
  before: {
    'tsconfig.json': `{ "compilerOptions": { "strict": true, "module": "nodenext", "target": "es2023", "types": ["node"], "skipLibCheck": true } }\n`,
    'app.ts': `import express, { type Request, type Response } from 'express'
import multer, { type FileFilterCallback } from 'multer'
import path from 'node:path'

const storage = multer.diskStorage({
  destination: path.join(__dirname, 'uploads'),
  filename: (_req: Request, file: Express.Multer.File, cb: (error: Error | null, name: string) => void) => {
    cb(null, \`\${Date.now()}\${path.extname(file.originalname)}\`)
  },
})

function onlyImages(req: Request, file: Express.Multer.File, cb: FileFilterCallback) {
  if (req.get('X-All') === undefined && !file.mimetype.startsWith('image/')) return cb(new Error('Only images'))
  return cb(null, true)
}

const upload = multer({ storage, limits: { fileSize: 1024 }, fileFilter: onlyImages })

function describe(file: Express.Multer.File): string {
  return file.originalname + ' ' + file.size
}

const app = express()
app.post('/photo', upload.single('photo'), (req: Request, res: Response) => {
  const file = req.file
  if (!file) {
    res.status(422).json({ error: 'no file' })
    return
  }
  res.json({ text: describe(file), ext: path.extname(file.filename), title: req.body.title })
})
app.post('/photos', upload.array('photos'), (req: Request, res: Response) => {
  const files = req.files as Express.Multer.File[]
  res.json(files.map((each) => each.mimetype))
})
export default app
`,
  },
  after: {
    'app.ts': `import express, { type Request, type Response } from 'express'
import { disk, multipart, type FileInfo, type Limits, type UploadedFile } from '@formgate/express'
import path from 'node:path'

const storage = disk({
  directory: path.join(__dirname, 'uploads'),
  name: (file: FileInfo) => {
    return \`\${Date.now()}\${path.extname(file.name)}\`
  },
})

function onlyImages(file: FileInfo, req: Request) {
  if (req.get('X-All') === undefined && !file.type.startsWith('image/')) throw new Error('Only images')
  return true
}

const upload = (routeLimits?: Partial<Limits>) => multipart({ storage, limits: { fileSize: 1024, ...routeLimits }, filter: onlyImages, nested: true, errors: 'next' })

function describe(file: UploadedFile): string {
  return file.name + ' ' + file.size
}

const app = express()
app.post('/photo', upload({ files: 1 }), (req: Request, res: Response) => {
  const uploadedFile = req.files['photo']?.[0]
  uploadedFile?.keep()
  const file = uploadedFile
  if (!file) {
    res.status(422).json({ error: 'no file' })
    return
  }
  res.json({ text: describe(file), ext: path.extname(path.basename(file.path!)), title: req.data.title })
})
app.post('/photos', upload(), (req: Request, res: Response) => {
  const uploadedFiles = req.files['photos'] ?? []
  for (const each of uploadedFiles) each.keep()
  const files = uploadedFiles as UploadedFile[]
  res.json(files.map((each) => each.type))
})
export default app
`,
  },
}

const koaMulter: App = {
  before: {
    'package.json': `{ "type": "module" }\n`,
    'app.js': `import Router from '@koa/router'
import multer from '@koa/multer'
import Koa from 'koa'

const upload = multer({ limits: { fileSize: 1024 } })
const router = new Router()
router.post('/one', upload.single('photo'), async (ctx) => {
  ctx.body = { title: ctx.request.body.title, name: ctx.file.originalname, bytes: ctx.request.file.buffer.length }
})
router.post('/many', upload.array('photos'), (ctx) => {
  ctx.body = ctx.files.map((file) => file.mimetype)
})
const app = new Koa().use(router.routes())
export default app.callback()
`,
  },
  after: {
    'app.js': `import Router from '@koa/router'
import { memory, multipart } from '@formgate/koa'
import Koa from 'koa'

const upload = (routeLimits) => multipart({ limits: { fileSize: 1024, ...routeLimits }, storage: memory(), nested: true, errors: 'next' })
const router = new Router()
router.post('/one', upload({ files: 1 }), async (ctx) => {
  const file = ctx.request.files['photo']?.[0]
  ctx.body = { title: ctx.request.data.title, name: file.name, bytes: Buffer.from(await file.arrayBuffer()).length }
})
router.post('/many', upload(), (ctx) => {
  const files = ctx.request.files['photos'] ?? []
  ctx.body = files.map((file) => file.type)
})
const app = new Koa().use(router.routes())
export default app.callback()
`,
  },
}

const koaBody: App = {
  before: {
    'app.js': `const Koa = require('koa');
const fs = require('fs');
const { koaBody } = require('koa-body');

const app = new Koa();
app.use(koaBody({
  multipart: true,
  jsonLimit: '2mb',
  formidable: { uploadDir: __dirname, keepExtensions: true, maxFileSize: 5e6 },
}));
app.use(async (ctx) => {
  const { photo } = ctx.request.files ?? {};
  const more = ctx.request.files?.more;
  ctx.body = {
    title: ctx.request.body.title,
    text: photo && fs.readFileSync(photo.filepath, 'utf8'),
    name: photo?.originalFilename,
    more: more && more.map((file) => file.mimetype),
  };
});
module.exports = app.callback();
`,
  },
  after: {
    'app.js': `const Koa = require('koa');
const fs = require('fs');
const { FormParser, JSONParser, MultiPartParser, PlainTextParser, disk, multipart } = require('@formgate/koa');

const app = new Koa();
app.use(multipart({ parsers: [JSONParser, FormParser, MultiPartParser, PlainTextParser], limits: { fileSize: 5e6, textSize: 2097152 }, storage: disk({ directory: __dirname }), nested: true, errors: 'next' })).use((ctx, next) => {
  if (ctx.is('multipart')) for (const file of Object.values(ctx.request.files).flat()) file.keep()
  return next()
});
app.use(async (ctx) => {
  const { photo: [photo] = [] } = ctx.request.files ?? {};
  const more = ctx.request.files?.more;
  ctx.body = {
    title: ctx.request.data.title,
    text: photo && fs.readFileSync(photo.path, 'utf8'),
    name: photo?.name,
    more: more && more.map((file) => file.type),
  };
});
module.exports = app.callback();
`,
  },
}

const fastifyMultipart: App = {
  before: {
    'app.js': `'use strict'
const fastify = require('fastify')

module.exports = async function build() {
  const app = fastify()
  app.register(require('@fastify/multipart'), { limits: { fileSize: 1000, headerPairs: 20 } })
  app.post('/one', async (req) => {
    const data = await req.file()
    const buffer = await data.toBuffer()
    return { name: data.filename, type: data.mimetype, bytes: buffer.length, title: data.fields.title.value }
  })
  app.post('/many', async (request) => {
    if (!request.isMultipart()) return request.body
    const out = []
    for await (const part of request.parts()) {
      if (part.type === 'file') out.push(part.fieldname, (await part.toBuffer()).length)
      else out.push(part.fieldname, part.value)
    }
    return out
  })
  app.post('/files', async (request) => {
    let bytes = 0
    for await (const part of request.files()) {
      for await (const chunk of part.file) bytes += chunk.length
    }
    return { bytes }
  })
  app.post('/saved', async (request) => {
    const { files } = await request.saveRequestFiles()
    return files.map((file) => file.mimetype)
  })
  await app.ready()
  return app.server
}
`,
  },
  after: {
    'app.js': `'use strict'
const fastify = require('fastify')
const { MultiPartParser, multipart } = require('@formgate/fastify')

module.exports = async function build() {
  const app = fastify()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.register(multipart, { limits: { fileSize: 1000 }, parsers: [MultiPartParser], lazy: true, errors: 'next' })
  app.post('/one', async (req) => {
    const data = Object.values((await req.parse()).files).flat()[0]
    const buffer = Buffer.from(await data.arrayBuffer())
    return { name: data.name, type: data.type, bytes: buffer.length, title: req.data.title }
  })
  app.post('/many', async (request) => {
    if (!/^multipart\\//i.test(request.headers['content-type'] ?? '')) return request.body
    const out = []
    for await (const part of request.parts()) {
      if (part.kind === 'file') out.push(part.name, (Buffer.concat(await part.stream.toArray())).length)
      else out.push(part.name, part.value)
    }
    return out
  })
  app.post('/files', async (request) => {
    let bytes = 0
    for (const part of Object.values((await request.parse()).files).flat()) {
      for await (const chunk of part.createReadStream()) bytes += chunk.length
    }
    return { bytes }
  })
  app.post('/saved', async (request) => {
    const files = Object.values((await request.parse()).files).flat()
    return files.map((file) => file.type)
  })
  await app.ready()
  return app.server
}
`,
  },
}

export const apps = { multerHandlers, multerInMemory, multerTyped, koaMulter, koaBody, fastifyMultipart }
