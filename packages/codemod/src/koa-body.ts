/** koa-body. */
import { Node, type CallExpression } from 'ts-morph'
import type { FileEdits } from './edits.js'
import { followFiles, isFunction, propertyOf, resolve, takesWhole, usesOf, type Terms } from './values.js'
import type { Work } from './work.js'

const module = 'koa-body'
const adapter = '@formgate/koa'
const page = 'migrating.md#koa-body'

/** What the options become; `undefined` for those that go without a successor. */
const options: Record<string, string | undefined> = {
  multipart: undefined,
  json: undefined,
  urlencoded: undefined,
  text: undefined,
  formidable: undefined,
  jsonLimit: 'textSize',
  formLimit: 'textSize',
  textLimit: 'textSize',
  jsonStrict: undefined,
  strict: undefined,
  parsedMethods: undefined,
  encoding: undefined,
  'formidable.uploadDir': undefined,
  'formidable.keepExtensions': undefined,
  'formidable.multiples': undefined,
  'formidable.encoding': undefined,
  'formidable.maxFileSize': 'fileSize',
  'formidable.maxTotalFileSize': 'bodySize',
  'formidable.maxFiles': 'files',
  'formidable.maxFields': 'fields',
  'formidable.maxFieldsSize': 'fieldsSize',
}

export function migrateKoaBody(work: Work): void {
  for (const { edits, names, statement } of work.importsOf(module)) {
    const locals = [...(names.get('koaBody') ?? []), ...(names.get('default') ?? [])]
    for (const use of locals.flatMap(usesOf)) {
      const parent = use.getParentOrThrow()
      const call =
        Node.isPropertyAccessExpression(parent) && parent.getName() === 'koaBody'
          ? parent.getParent()
          : parent
      if (Node.isCallExpression(call) && !call.getArguments().includes(use)) convert(edits, call, statement)
      else if (!Node.isImportSpecifier(parent)) work.keep(module, statement)
    }
    if ([...names.keys()].some((name) => name !== 'koaBody' && name !== 'default'))
      work.keep(module, statement)
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
    const is = (name: string, without: boolean): boolean =>
      (propertyOf(given, name)?.value.getText() ?? String(without)) === 'true'
    const directory = propertyOf(propertyOf(given, 'formidable')?.value, 'uploadDir')?.value.getText()
    const hasFiles = is('multipart', false)
    const parsers = [
      ...(is('json', true) ? ['JSONParser'] : []),
      ...(is('urlencoded', true) ? ['FormParser'] : []),
      ...(hasFiles ? ['MultiPartParser'] : []),
      ...(is('text', true) ? ['PlainTextParser'] : []),
    ].map((name) => edits.use(name, adapter))
    const limits = limitsOf(given)
    const parts = [
      `parsers: [${parsers.join(', ')}]`,
      ...(limits.length > 0 ? [`limits: { ${limits.join(', ')} }`] : []),
      ...(directory === undefined
        ? []
        : [`storage: ${edits.use('disk', adapter)}({ directory: ${directory} })`]),
      'nested: true',
      "errors: 'next'",
    ]
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
      const end = isMounted ? route.getEnd() : call.getEnd()
      edits.replace(end, end, isMounted ? `.use(${keep})` : `, ${keep}`)
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
      const isRead =
        Node.isPropertyAccessExpression(node) &&
        /(?:^|\.)(?:ctx|context|c)\.request$/.test(node.getExpression().getText())
      if (isRead && node.getName() === 'body') {
        const parent = node.getParentOrThrow()
        const isTarget =
          Node.isBinaryExpression(parent) &&
          parent.getLeft() === node &&
          parent.getOperatorToken().getText() === '='
        if (isTarget) continue
        // koa-body before version 4.
        if (Node.isPropertyAccessExpression(parent) && parent.getName() === 'files') {
          edits.set(parent, `${node.getExpression().getText()}.files`)
          followFields(edits, parent, terms)
          continue
        }
        if (hasFiles && takesWhole(node))
          edits.mark(node, '`ctx.request.data` holds the files too, beside the fields.', page)
        const data = `${node.getExpression().getText()}.data`
        edits.set(node, edits.isTypeScript ? `(${data} as any)` : data)
      } else if (isRead && node.getName() === 'files') followFields(edits, node, terms)
      else if (
        Node.isVariableDeclaration(node) &&
        /(?:^|\.)(?:ctx|context|c)\.request$/.test(node.getInitializer()?.getText() ?? '')
      ) {
        if (/\b(?:body|files)\b/.test(node.getNameNode().getText()))
          edits.mark(
            node,
            'Change this by hand: fields and files are in `ctx.request.data`, lists of files in `ctx.request.files`.',
            page,
          )
      }
    }
  }

  /** Where koa-body has one file, or a list of several, Formgate always has a list. */
  function followFields(edits: FileEdits, node: Node, terms: Terms): void {
    const parent = node.getParentOrThrow()
    const isDefault =
      Node.isBinaryExpression(parent) && /^(?:\|\||\?\?)$/.test(parent.getOperatorToken().getText())
    if (
      isDefault ||
      Node.isNonNullExpression(parent) ||
      Node.isAsExpression(parent) ||
      Node.isParenthesizedExpression(parent)
    ) {
      followFields(edits, parent, terms)
    } else if (
      (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) &&
      parent.getExpression() === node
    ) {
      const isList = isUsedAsList(parent)
      if (!isList) edits.replace(parent.getEnd(), parent.getEnd(), '?.[0]')
      followFiles(edits, parent, isList ? 'list' : 'file', terms)
    } else if (Node.isVariableDeclaration(parent)) {
      const name = parent.getNameNode()
      if (Node.isIdentifier(name)) for (const use of usesOf(name)) followFields(edits, use, terms)
      else {
        for (const each of name.getElements()) {
          if (!Node.isBindingElement(each)) continue
          const local = each.getNameNode()
          const uses = usesOf(local)
          const isList = uses.some(isUsedAsList)
          if (!isList)
            edits.set(
              local,
              `${each.getPropertyNameNode() ? '' : `${local.getText()}: `}[${local.getText()}] = []`,
            )
          for (const use of uses) followFiles(edits, use, isList ? 'list' : 'file', terms)
        }
      }
    } else if (
      !Node.isPrefixUnaryExpression(parent) &&
      !Node.isIfStatement(parent) &&
      !Node.isBinaryExpression(parent)
    )
      edits.mark(node, '`ctx.request.files` has a list for every field.', page)
  }
}

function isUsedAsList(node: Node): boolean {
  const parent = node.getParent()
  if (Node.isPropertyAccessExpression(parent))
    return /^(?:length|map|forEach|filter|at)$/.test(parent.getName())
  if (Node.isVariableDeclaration(parent) && Node.isIdentifier(parent.getNameNode()))
    return usesOf(parent.getNameNode()).some(isUsedAsList)
  const isNumber =
    Node.isElementAccessExpression(parent) && Node.isNumericLiteral(parent.getArgumentExpression())
  return (
    isNumber ||
    Node.isForOfStatement(parent) ||
    (Node.isCallExpression(parent) && /isArray/.test(parent.getText()))
  )
}

function problemOf(given: Node | undefined, prefix = ''): string | undefined {
  if (given === undefined) return undefined
  if (!Node.isObjectLiteralExpression(given)) return 'Its options are not written in place.'
  for (const each of given.getProperties()) {
    const name = Node.isSpreadAssignment(each) ? '...' : prefix + each.getName()
    if (!Object.hasOwn(options, name)) return `Formgate has no counterpart of its option \`${name}\`.`
    const value = propertyOf(given, name)?.value
    if (name === 'formidable') {
      const inner = problemOf(value, 'formidable.')
      if (inner !== undefined) return inner
    }
    const isSwitch = /^(?:multipart|json|urlencoded|text)$/.test(name)
    if (isSwitch && !/^(?:true|false)$/.test(value?.getText() ?? ''))
      return `Its option \`${name}\` is not true or false.`
    if (options[name] === 'textSize' && bytesOf(value?.getText() ?? '') === undefined)
      return `Its option \`${name}\` is not a size that is written in place.`
  }
  return undefined
}

function limitsOf(given: Node | undefined): string[] {
  const formidable = propertyOf(given, 'formidable')?.value
  const limits = Object.entries(options).flatMap(([name, limit]) => {
    const [first = '', second] = name.split('.')
    const value = (
      second === undefined ? propertyOf(given, first) : propertyOf(formidable, second)
    )?.value.getText()
    return limit === undefined || value === undefined || limit === 'textSize' ? [] : [`${limit}: ${value}`]
  })
  const sizes = ['jsonLimit', 'formLimit', 'textLimit'].flatMap(
    (name) => bytesOf(propertyOf(given, name)?.value.getText() ?? '') ?? [],
  )
  return sizes.length > 0 ? [...limits, `textSize: ${Math.max(...sizes)}`] : limits
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
