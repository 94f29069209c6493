/** @fastify/multipart. */
import { Node, type CallExpression } from 'ts-morph'
import type { FileEdits } from './edits.js'
import {
  addProperties,
  dropProperty,
  encoding,
  followBinding,
  followFiles,
  propertyOf,
  type Terms,
} from './values.js'
import { requireOf, type Work } from './work.js'

const adapter = '@formgate/fastify'
const page = 'migrating.md#fastifymultipart'
const names = { mimetype: 'type', fieldname: 'field', filename: 'name' }

const byHand = 'Change this by hand: `(await request.parse()).files` has the files.'

export function migrateFastifyMultipart(work: Work): void {
  let isConverted = false
  const restored = new Set<Node>()
  for (const module of ['@fastify/multipart', 'fastify-multipart']) {
    for (const { edits, uses, statement } of work.importsOf(module)) {
      for (const { exported, node } of uses) {
        if (/^(?:MultipartFile|SavedMultipartFile)$/.test(exported))
          edits.set(node, edits.use('UploadedFile', adapter, true))
        else if (!register(edits, node)) work.keep(module, statement)
      }
    }
    // `register(require('@fastify/multipart'))`
    for (const call of work.calls) {
      const isImport = Node.isVariableDeclaration(call.getParent())
      if (requireOf(call) !== module || isImport) continue
      if (!register(work.editsOf(call.getSourceFile()), call)) work.keep(module)
    }
  }
  if (isConverted) for (const call of work.calls) rewriteRead(call)

  /** Changes `register(fastifyMultipart, { … })`. @returns false if a person must */
  function register(edits: FileEdits, use: Node): boolean {
    const call = use.getParent()
    const isCall = Node.isCallExpression(call) && call.getExpression().getText().endsWith('.register')
    if (!isCall || call.getArguments()[0] !== use) return false
    const [, options] = call.getArguments()
    const problem = problemOf(options)
    if (problem !== undefined) {
      edits.mark(call, `This plugin was left as it is. ${problem}`, page)
      return false
    }
    isConverted = true
    const attach = propertyOf(options, 'attachFieldsToBody')
    const isEager = attach !== undefined && attach.value.getText() !== 'false'
    const additions = [`parsers: [${edits.use('MultiPartParser', adapter)}]`, "errors: 'next'"]
    if (!isEager) additions.splice(1, 0, 'lazy: true')
    edits.set(use, edits.use('multipart', adapter))
    const pairs = propertyOf(propertyOf(options, 'limits')?.value, 'headerPairs')
    if (pairs) dropProperty(edits, pairs.property)
    if (attach) edits.set(attach.property, additions.join(', '))
    else if (Node.isObjectLiteralExpression(options)) addProperties(edits, options, additions)
    else edits.insert(use.getEnd(), `, { ${additions.join(', ')} }`)
    restoreJson(edits, call)
    if (isEager)
      edits.mark(
        call,
        'A field in `request.body` is its value alone, and a file there is an UploadedFile: change the handlers by hand.',
        page,
      )
    return true
  }

  /** Formgate replaces the parsers of Fastify, so the one for JSON is added again. */
  function restoreJson(edits: FileEdits, call: CallExpression): void {
    const app = /^[\w.]+(?=\.\w+$)|^\w+/.exec(call.getExpression().getText())?.[0] ?? ''
    const statement = call.getFirstAncestorOrThrow((each) => Node.isStatement(each))
    const block = statement.getParentOrThrow()
    const own = /addContentTypeParser\(\s*['"]application\/json/
    if (restored.has(block) || work.files.some((each) => own.test(each.getFullText()))) return
    restored.add(block)
    const end = statement.getText().endsWith(';') ? ';' : ''
    const parser = `${app}.getDefaultJsonParser('error', 'error')`
    const json = `${app}.addContentTypeParser('application/json', { parseAs: 'string' }, ${parser})${end}`
    edits.insert(statement.getStart(), `${json}\n${edits.lineBefore(statement.getStart())}`)
  }

  function rewriteRead(call: CallExpression): void {
    const callee = call.getExpression()
    if (!Node.isPropertyAccessExpression(callee)) return
    const request = callee.getExpression().getText()
    const name = callee.getName()
    if (!/(?:^|\.)(?:req|request)$/.test(request)) return
    const edits = work.editsOf(call.getSourceFile())
    if (name === 'isMultipart')
      return edits.set(call, `/^multipart\\//i.test(${request}.headers['content-type'] ?? '')`)
    if (!/^(?:file|files|parts|saveRequestFiles)$/.test(name)) return
    if (call.getArguments().length > 0)
      edits.mark(call, 'This call had options of its own: set them where the plugin is registered.', page)
    const outer = call.getParentOrThrow()
    const loop = Node.isForOfStatement(outer) && outer.getExpression() === call ? outer : undefined
    const whole = Node.isAwaitExpression(outer) ? outer : call
    const variable = whole.getParentOrThrow()
    if (!loop && whole === call && !Node.isVariableDeclaration(variable))
      return edits.mark(call, byHand, page)
    if (name === 'parts') {
      if (call.getArguments().length > 0) edits.replace(callee.getEnd(), call.getEnd(), '()')
      return followFiles(edits, call, 'list', partTerms)
    }
    const files = `Object.values((await ${request}.parse()).files).flat()`
    const terms = fileTerms(request)
    // Version 10 returns an object.
    const pattern = Node.isVariableDeclaration(variable) ? variable.getNameNode() : undefined
    if (Node.isObjectBindingPattern(pattern)) {
      const [first, second] = pattern.getElements()
      if (second || first?.getName() !== 'files') return edits.mark(call, byHand, page)
      edits.set(pattern, 'files')
      edits.set(whole, files)
      return followBinding(edits, first.getNameNode(), 'list', terms)
    }
    edits.set(whole, name === 'file' ? `${files}[0]` : files)
    const awaited = loop?.getAwaitKeyword()
    if (awaited) edits.replace(awaited.getPos(), awaited.getEnd(), '')
    followFiles(edits, whole, name === 'file' ? 'file' : 'list', terms)
  }
}

function problemOf(options: Node | undefined): string | undefined {
  if (options === undefined) return undefined
  if (!Node.isObjectLiteralExpression(options)) return 'Its options are not written in place.'
  for (const each of options.getProperties()) {
    const name = Node.isSpreadAssignment(each) ? '...' : each.getName()
    if (!['limits', 'attachFieldsToBody'].includes(name))
      return `Formgate has no counterpart of its option \`${name}\`.`
  }
  return undefined
}

function fileTerms(request: string): Terms {
  return {
    page,
    names,
    properties: {
      encoding,
      file: '$.createReadStream()',
      fields: `${request}.data`,
      toBuffer: 'Buffer.from(await $.arrayBuffer())',
      filepath: 'await $.toPath()',
    },
  }
}

/** What the parts of `request.parts()` have. */
const partTerms: Terms = {
  page,
  names: { type: 'kind', mimetype: 'type', fieldname: 'name', file: 'stream' },
  properties: {
    encoding,
    fields: '!The fields are parts of their own.',
    toBuffer: 'Buffer.concat(await $.stream.toArray())',
  },
}
