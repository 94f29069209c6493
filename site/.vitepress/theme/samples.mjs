/** Requests to begin with. */

const part = (header, content) => `--X\nContent-Disposition: form-data; ${header}\n\n${content}\n`
const title = part('name="title"', 'Bridge')
const photo = part('name="photo"; filename="bridge.png"\nContent-Type: image/png', '(the bytes of a picture)')
const multipart = 'multipart/form-data; boundary=X'
const schema = `z.object({
  title: z.string().min(3),
  rating: z.number().int().min(1).max(5),
  photo: z.file().max(5_000_000).mime(['image/png', 'image/jpeg']),
})`

/** @type {{ title: string, contentType: string, body: string, schema?: string, lineEnds?: string }[]} */
export const samples = [
  { title: 'No boundary', contentType: 'multipart/form-data', body: `${title}--X--\n` },
  {
    title: 'A good form',
    contentType: multipart,
    body: `${title}${part('name="rating"', '5')}${photo}--X--\n`,
    schema,
  },
  {
    title: 'Against the schema',
    contentType: multipart,
    body: `${part('name="title"', 'No')}${part('name="rating"', '9')}${photo.replace('image/png', 'text/plain')}--X--\n`,
    schema,
  },
  { title: 'Another boundary', contentType: 'multipart/form-data; boundary=Y', body: `${title}--X--\n` },
  { title: 'Cut off', contentType: multipart, body: `${title}${photo}` },
  { title: 'LF line ends', contentType: multipart, body: `${title}--X--\n`, lineEnds: 'LF' },
  {
    title: 'Part without a name',
    contentType: multipart,
    body: `${title}${part('filename="a.txt"', 'hello')}--X--\n`,
  },
  { title: 'JSON', contentType: 'application/json', body: '{ "title": "Bridge", "tags": ["sea",] }' },
]
