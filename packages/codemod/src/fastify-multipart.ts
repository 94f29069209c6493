/** @fastify/multipart. */
import { Node, SyntaxKind, type CallExpression } from 'ts-morph'
import type { FileEdits } from './edits.js'
import { addProperties, dropProperty, followFiles, propertyOf, usesOf, type Terms } from './values.js'
import type { Work } from './work.js'

const adapter = '@formgate/fastify'
const page = 'migrating.md#fastifymultipart'
const names = { mimetype: 'type', fieldname: 'field', filename: 'name' }
const encoding = '!Formgate does not tell the encoding of a part.'

export function migrateFastifyMultipart(work: Work): void {
  let isConverted = false
  const restored = new Set<Node>()
  for (const module of ['@fastify/multipart', 'fastify-multipart']) {
    for (const { edits, names, statement } of work.importsOf(module)) {
      for (const [exported, locals] of names) {
        for (const use of locals.flatMap(usesOf)) {
          const isType = /^(?:MultipartFile|SavedMultipartFile)$/.test(exported)
          if (isType) edits.set(use, edits.use('UploadedFile', adapter, true))
          else if (!register(edits, use)) work.keep(module, statement)
        }
      }
    }
    for (const call of work.calls) {
      const [name] = call.getArguments()
      if (
        call.getExpression().getText() !== 'require' ||
        !Node.isStringLiteral(name) ||
        name.getLiteralValue() !== module
      )
        continue
      if (Node.isVariableDeclaration(call.getParent())) continue
      const edits = work.editsOf(call.getSourceFile())
      if (!register(edits, call)) work.keep(module)
    }
  }
  if (isConverted) for (const call of work.calls) rewriteRead(call)

  /** Changes `register(fastifyMultipart, { … })`. @returns false if a person must */
  function register(edits: FileEdits, use: Node): boolean {
    const call = use.getParent()
    const isCall = Node.isCallExpression(call) && call.getExpression().getText().endsWith('.register')
    if (!isCall || call.getArguments()[0] !== use) return Node.isImportSpecifier(call)
    const [, options] = call.getArguments()
    const problem = problemOf(options)
    if (problem !== undefined) {
      edits.mark(call, `This plugin was left as it is. ${problem}`, page)
      return false
    }
    isConverted = true
    const limits = propertyOf(options, 'limits')?.value
    const attach = propertyOf(options, 'attachFieldsToBody')
    const isEager = attach !== undefined && attach.value.getText() !== 'false'
    const additions = [
      `parsers: [${edits.use('MultiPartParser', adapter)}]`,
      ...(isEager ? [] : ['lazy: true']),
      "errors: 'next'",
    ]
    const plugin = edits.use('multipart', adapter)
    edits.set(use, plugin)
    const pairs = propertyOf(limits, 'headerPairs')?.property
    if (pairs) dropProperty(edits, pairs)
    if (attach) edits.set(attach.property, additions.join(', '))
    else if (Node.isObjectLiteralExpression(options)) addProperties(edits, options, additions)
    else edits.replace(use.getEnd(), use.getEnd(), `, { ${additions.join(', ')} }`)
    // Formgate replaces the parsers of Fastify, so the one for JSON is added again.
    const app = /^[\w.]+(?=\.\w+$)|^\w+/.exec(call.getExpression().getText())?.[0] ?? ''
    const statement = call.getFirstAncestorOrThrow((each) => Node.isStatement(each))
    const hasOwn = work.files.some((each) =>
      /addContentTypeParser\(\s*['"]application\/json/.test(each.getFullText()),
    )
    if (!hasOwn && !restored.has(statement.getParentOrThrow())) {
      restored.add(statement.getParentOrThrow())
      const end = statement.getText().endsWith(';') ? ';' : ''
      const json = `${app}.addContentTypeParser('application/json', { parseAs: 'string' }, ${app}.getDefaultJsonParser('error', 'error'))${end}`
      const indent = /[^\n]*$/.exec(edits.file.getFullText().slice(0, statement.getStart()))?.[0] ?? ''
      edits.replace(statement.getStart(), statement.getStart(), `${json}\n${indent}`)
    }
    if (isEager)
      edits.mark(
        call,
        'A field in `request.body` is its value alone, and a file there is an UploadedFile: change the handlers by hand.',
        page,
      )
    return true
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
    const loop = call.getFirstAncestorByKind(SyntaxKind.ForOfStatement)
    const isLooped = loop !== undefined && loop.getExpression() === call
    const whole = Node.isAwaitExpression(outer) ? outer : call
    if (!isLooped && whole === call && !Node.isVariableDeclaration(outer)) {
      edits.mark(call, 'Change this by hand: `(await request.parse()).files` has the files.', page)
    } else if (name === 'parts') {
      if (call.getArguments().length > 0) edits.replace(callee.getEnd(), call.getEnd(), '()')
      followFiles(edits, call, 'list', partTerms)
    } else {
      const files = `Object.values((await ${request}.parse()).files).flat()`
      // Version 10 returns an object.
      const variable = whole.getParent()
      const pattern = Node.isVariableDeclaration(variable) ? variable.getNameNode() : undefined
      if (Node.isObjectBindingPattern(pattern)) {
        const [first, second] = pattern.getElements()
        if (second || first?.getName() !== 'files')
          return edits.mark(call, 'Change this by hand: `(await request.parse()).files` has the files.', page)
        edits.set(pattern, 'files')
        edits.set(whole, files)
        for (const use of usesOf(first.getNameNode())) followFiles(edits, use, 'list', fileTerms(request))
        return
      }
      edits.set(whole, name === 'file' ? `${files}[0]` : files)
      if (isLooped && loop.getAwaitKeyword())
        edits.replace(loop.getAwaitKeyword()!.getPos(), loop.getAwaitKeyword()!.getEnd(), '')
      followFiles(edits, whole, name === 'file' ? 'file' : 'list', fileTerms(request))
    }
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
