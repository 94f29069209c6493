/** The types of a project in which some routes still use multer, which declares `req.files` for all of them. */
import { form, type FilesByField, type UploadedFile } from '@formgate/express'
import express from 'express'
import multer from 'multer'
import { is, type Equal } from './equal.js'
import { User } from './schemas.js'

const app = express()
const upload = multer()

app.post('/single', upload.single('photo'), (req, res) => {
  res.json(req.file?.originalname)
})
app.post('/array', upload.array('photos'), (req, res) => {
  const files = req.files as Express.Multer.File[]
  res.json(files.map((file) => file.originalname))
})
app.post('/checked', upload.array('photos'), (req, res) => {
  if (Array.isArray(req.files)) res.json(req.files.map((file) => file.originalname))
})
app.post('/fields', upload.fields([{ name: 'photo' }]), (req, res) => {
  const files = req.files as { [name: string]: Express.Multer.File[] } | undefined
  res.json(files?.['photo']?.[0]?.buffer.length)
})

app.post('/users', form(User), async (req, res) => {
  const photo = req.files['photo']?.[0]
  const same: UploadedFile | undefined = photo
  await photo?.moveTo('uploads/photo')
  // @ts-expect-error no file of Formgate has it
  void photo?.buffer
  const files: FilesByField = req.files
  const { scans = [] } = req.files
  for (const file of [...scans, ...Object.values(req.files).flat()]) file.keep()
  is<Equal<typeof req.data.image, UploadedFile>>()
  res.json({ same, files })
})
