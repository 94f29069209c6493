/** koa-body. */
import { Node, type CallExpression } from 'ts-morph'
import type { FileEdits } from './edits.js'
import { followFiles, isFunction, propertyOf, resolve, takesWhole, valueOf, type Terms } from './values.js'
import type { Work } from './work.js'

const module = 'koa-body'
const adapter = '@formgate/koa'
const page = 'migrating.md#koa-body'

/** The parser that an option turns on or off. */
const parsers = {
  json: 'JSONParser',
  urlencoded: 'FormParser',
  multipart: 'MultiPartParser',
  text: 'PlainTextParser',
} as const

/** The limit that an option becomes. Those for the size of a text are one limit here. */
const limits: Readonly<Record<string, string>> = {
  'formidable.maxFileSize': 'fileSize',
  'formidable.maxTotalFileSize': 'bodySize',
  'formidable.maxFiles': 'files',
  'formidable.maxFields': 'fields',
  'formidable.maxFieldsSize': 'fieldsSize',
}
const textLimits = ['jsonLimit', 'formLimit', 'textLimit']

/** Options that are read elsewhere, or need no successor. */
const others = [
  'formidable',
  'jsonStrict',
  'strict',
  'parsedMethods',
  'encoding',
  'formidable.uploadDir',
  'formidable.keepExtensions',
  'formidable.multiples',
  'formidable.encoding',
]

export function migrateKoaBody(work: Work): void {
  for (const { edits, uses, statement } of work.importsOf(module)) {
    for (const { exported, node } of uses) {
      const call = node.getParent()
      const isKnown = exported === 'koaBody' || exported === 'default'
      if (isKnown && Node.isCallExpression(call) && call.getExpression() === node)
        convert(edits, call, statement)
      else work.keep(module, statement)
    }
  }

  function convert(edits: FileEdits, call: CallExpression, statement: Node): void {
    const route = call.getParent()
    const problem = Node.isCallExpression(route)
      ? problemOf(call.getArguments()[0])
      : 'It is not written where it is used.'
    if (problem !== undefined || !Node.isCallExpression(route)) {
      work.keep(module, statement)
      edits.mark(call, `This koaBody was left as it is. ${problem}`, page)
      return
    }
    const [given] = call.getArguments()
    const isOn = (name: string): boolean => (textAt(given, name) ?? String(name !== 'multipart')) === 'true'
    const directory = textAt(given, 'formidable.uploadDir')
    const hasFiles = isOn('multipart')
    const list = Object.entries(parsers).flatMap(([name, parser]) =>
      isOn(name) ? [edits.use(parser, adapter)] : [],
    )
    const limits = limitsOf(given)
    const parts = [`parsers: [${list.join(', ')}]`]
    if (limits.length > 0) parts.push(`limits: { ${limits.join(', ')} }`)
    if (directory !== undefined)
      parts.push(`storage: ${edits.use('disk', adapter)}({ directory: ${directory} })`)
    parts.push('nested: true', "errors: 'next'")
    edits.set(call, `${edits.use('multipart', adapter)}({ ${parts.join(', ')} })`)
    if (hasFiles && !limits.some((each) => each.startsWith('fileSize')))
      edits.mark(
        call,
        'koa-body had its own limit for the size of a file. Now it is 10 MiB: set `limits.fileSize` if you need more.',
        page,
      )
    const isMounted = route.getExpression().getText().endsWith('.use') && route.getArguments().length === 1
    if (directory !== undefined) {
      const keep =
        "(ctx, next) => {\n  if (ctx.is('multipart')) for (const file of Object.values(ctx.request.files).flat()) file.keep()\n  return next()\n}"
      if (isMounted) edits.insert(route.getEnd(), `.use(${keep})`)
      else edits.insert(call.getEnd(), `, ${keep}`)
    }
    const later = route.getArguments().slice(route.getArguments().indexOf(call) + 1)
    // Another program of the repository has its own parser.
    const isOther = (text: string): boolean => /\bnew koa\(/i.test(text)
    const scopes = isMounted
      ? work.files.filter((each) => each === edits.file || !isOther(each.getFullText()))
      : later.map((each) => resolve(each, isFunction)).filter((each) => each !== undefined)
    for (const scope of scopes) rewriteReads(scope, hasFiles, directory !== undefined)
  }

  function rewriteReads(scope: Node, hasFiles: boolean, isOnDisk: boolean): void {
    const edits = work.editsOf(scope.getSourceFile())
    const terms = termsOf(isOnDisk, edits)
    for (const node of scope.getDescendants()) {
      if (Node.isVariableDeclaration(node) && isRequest(node.getInitializer())) {
        if (/\b(?:body|files)\b/.test(node.getNameNode().getText()))
          edits.mark(
            node,
            'Change this by hand: fields and files are in `ctx.request.data`, lists of files in `ctx.request.files`.',
            page,
          )
      }
      if (!Node.isPropertyAccessExpression(node) || !isRequest(node.getExpression())) continue
      if (node.getName() === 'files') followFiles(edits, node, 'mixed', terms)
      if (node.getName() !== 'body') continue
      const parent = node.getParentOrThrow()
      const isTarget = Node.isBinaryExpression(parent) && parent.getLeft() === node
      if (isTarget && parent.getOperatorToken().getText() === '=') continue
      const request = node.getExpression().getText()
      // koa-body before version 4.
      if (Node.isPropertyAccessExpression(parent) && parent.getName() === 'files') {
        edits.set(parent, `${request}.files`)
        followFiles(edits, parent, 'mixed', terms)
        continue
      }
      if (hasFiles && takesWhole(node))
        edits.mark(node, '`ctx.request.data` holds the files too, beside the fields.', page)
      edits.set(node, edits.isTypeScript ? `(${request}.data as any)` : `${request}.data`)
    }
  }
}

function isRequest(node: Node | undefined): boolean {
  return /(?:^|\.)(?:ctx|context|c)\.request$/.test(node?.getText() ?? '')
}

function problemOf(given: Node | undefined, prefix = ''): string | undefined {
  if (given === undefined) return undefined
  if (!Node.isObjectLiteralExpression(given)) return 'Its options are not written in place.'
  for (const each of given.getProperties()) {
    const name = Node.isSpreadAssignment(each) ? '...' : prefix + each.getName()
    const value = valueOf(each)
    const inner = name === 'formidable' ? problemOf(value, 'formidable.') : undefined
    if (inner !== undefined) return inner
    if (Object.hasOwn(parsers, name)) {
      if (!/^(?:true|false)$/.test(value.getText())) return `Its option \`${name}\` is not true or false.`
    } else if (textLimits.includes(name)) {
      if (bytesOf(value.getText()) === undefined)
        return `Its option \`${name}\` is not a size that is written in place.`
    } else if (!Object.hasOwn(limits, name) && !others.includes(name))
      return `Formgate has no counterpart of its option \`${name}\`.`
  }
  return undefined
}

/** The text of an option, or of one in another: `formidable.maxFiles`. */
function textAt(given: Node | undefined, path: string): string | undefined {
  return path
    .split('.')
    .reduce<Node | undefined>((value, name) => propertyOf(value, name)?.value, given)
    ?.getText()
}

function limitsOf(given: Node | undefined): string[] {
  const list = Object.entries(limits).flatMap(([name, limit]) => {
    const value = textAt(given, name)
    return value === undefined ? [] : [`${limit}: ${value}`]
  })
  const sizes = textLimits.flatMap((name) => bytesOf(textAt(given, name) ?? '') ?? [])
  return sizes.length > 0 ? [...list, `textSize: ${Math.max(...sizes)}`] : list
}

/** The bytes of `'10mb'` or `1024`. */
function bytesOf(text: string): number | undefined {
  const [, number = '', unit = 'b'] = /^['"]?(\d+(?:\.\d+)?) ?([kmg]?b)?['"]?$/i.exec(text) ?? []
  const factor = 1024 ** ['b', 'kb', 'mb', 'gb'].indexOf(unit.toLowerCase())
  return number === '' ? undefined : Math.floor(Number(number) * factor)
}

function termsOf(isOnDisk: boolean, edits: FileEdits): Terms {
  const path = isOnDisk ? `$.path${edits.isTypeScript ? '!' : ''}` : 'await $.toPath()'
  return {
    page,
    names: { originalFilename: 'name', mimetype: 'type' },
    properties: {
      filepath: path,
      path,
      get newFilename() {
        return `${edits.use('basename', 'node:path')}(${path})`
      },
      hash: '!Set `inspect: hash()` for a hash.',
    },
  }
}
