/** Reads the options of `multer(…)`, and writes those of `multipart(…)`. */
import { Node, SyntaxKind, type CallExpression, type PropertyAccessExpression } from 'ts-morph'
import type { Adapter, FileEdits } from './edits.js'
import {
  addProperties,
  dropProperty,
  encoding,
  followFiles,
  isFunction,
  propertyOf,
  resolve,
  usesOf,
  valueOf,
  type FunctionNode,
  type Terms,
} from './values.js'
import type { Work } from './work.js'

export const page = 'migrating.md#multer'
export const methods: readonly string[] = ['single', 'array', 'fields', 'none', 'any']
export const renamed = { originalname: 'name', mimetype: 'type', fieldname: 'field' } as const
const infoTerms: Terms = { page, names: renamed, properties: { encoding } }

/** What all `multer(…)` of an app share. */
export interface Shared {
  readonly work: Work
  readonly adapter: Adapter
  /** The functions in options that call back; true for those that return instead now. */
  readonly callbacks: Map<Node, boolean>
}

/** One `multer(…)`. */
export interface Instance {
  readonly call: CallExpression
  readonly edits: FileEdits
  /** Why a person has to convert it. */
  problem?: string
  /** Functions and storages that it uses. */
  readonly parts: Set<Node>
  /** Makes the changes to them, and to its options. */
  readonly changes: Map<Node, () => void>
  storage: 'memory' | 'disk'
  /** True if files are stored under a path that is relative to the working directory. */
  isRelative: boolean
}

/** What a `multer(…)` has, and whether it can be converted. */
export function readInstance(shared: Shared, call: CallExpression, edits: FileEdits): Instance {
  const instance: Instance = {
    call,
    edits,
    parts: new Set(),
    changes: new Map(),
    storage: 'memory',
    isRelative: false,
  }
  const [options] = call.getArguments()
  const declared = call.getParent()
  const name = Node.isVariableDeclaration(declared) ? declared.getNameNode() : undefined
  const strange = name && usesOf(name).find((use) => !isKnownUse(use))
  if (options !== undefined && !Node.isObjectLiteralExpression(options))
    instance.problem = 'Its options are not written in place.'
  else if (strange)
    instance.problem = `It is passed on in \`${shorten(strange.getParentOrThrow().getText())}\`.`
  else
    for (const property of options?.getProperties() ?? []) {
      const name = Node.isSpreadAssignment(property) ? '...' : property.getName()
      const problem = readOption(shared, instance, name, property)
      if (problem !== undefined) instance.problem = problem
    }
  return instance
}

/** @returns why the option cannot be converted */
function readOption(shared: Shared, instance: Instance, name: string, property: Node): string | undefined {
  const { edits, changes } = instance
  const value = valueOf(property)
  switch (name) {
    case 'dest':
      instance.storage = 'disk'
      instance.isRelative = isRelative(value)
      changes.set(property, () => {
        const disk = edits.use('disk', shared.adapter)
        edits.set(property, `storage: ${disk}({ directory: ${value.getText()} })`)
      })
      return undefined
    case 'storage':
      return readStorage(shared, instance, value)
    case 'fileFilter': {
      const filter = resolve(value, isFunction)
      if (filter === undefined)
        return 'Its fileFilter is made elsewhere: write `filter(file, req)`, which returns true or false.'
      instance.parts.add(filter)
      changes.set(property, () => rewriteCallback(shared, filter, property, 'filter'))
      return undefined
    }
    case 'limits':
      for (const [from, to] of [
        ['fieldNestingDepth', 'nesting'],
        ['fieldArrayIndexLimit', 'arrayIndex'],
      ] as const) {
        const limit = propertyOf(value, from)?.property
        if (limit) changes.set(limit, () => edits.set(limit.getFirstChildOrThrow(), to))
      }
      return propertyOf(value, 'headerPairs')
        ? 'Formgate has `limits.headerSize`, in bytes, and no `headerPairs`.'
        : undefined
    case 'defParamCharset':
      changes.set(property, () => dropProperty(edits, property))
      return undefined
    default:
      return `Formgate has no counterpart of its option \`${name}\`.`
  }
}

function readStorage(shared: Shared, instance: Instance, value: Node): string | undefined {
  const { work, adapter } = shared
  const call = resolve(value, isStorage)
  if (call === undefined)
    return 'Its storage is not one of multer: see docs/files.md#storages and docs/s3.md.'
  const edits = work.editsOf(call.getSourceFile())
  instance.parts.add(call)
  if (call.getExpression().getText().endsWith('memoryStorage')) {
    instance.changes.set(call, () => edits.set(call, `${edits.use('memory', adapter)}()`))
    return undefined
  }
  instance.storage = 'disk'
  const [options] = call.getArguments()
  const destination = propertyOf(options, 'destination')
  const filename = propertyOf(options, 'filename')
  const directory = destination && constantOf(destination.value)
  if (destination === undefined || directory === undefined)
    return 'Its destination depends on the request or the file: disk() has one directory, and `name` may return folders below it.'
  instance.isRelative = isRelative(directory)
  const name = filename && resolve(filename.value, isFunction)
  if (filename && (!name || usesParameter(name, 0)))
    return 'Its filename reads the request: give the file a name in the handler, with `moveTo()`.'
  instance.changes.set(call, () => {
    edits.set(call.getExpression(), edits.use('disk', adapter))
    edits.set(destination.property, `directory: ${directory.getText()}`)
    if (!filename || !name) return
    rewriteCallback(shared, name, filename.property, 'name')
    if (!/Date|random|uuid|nanoid|crypto|unique/i.test(name.getText()))
      edits.mark(call, 'disk() never overwrites a file: a name that is taken gets a suffix.', page)
    if (/toISOString|['"`][^'"`\n]*:/.test(name.getText()))
      edits.mark(call, 'disk() refuses names with a `:`, which Windows does not store: replace it.', page)
  })
  return undefined
}

/** True for `multer.diskStorage(…)` and `memoryStorage()`. */
function isStorage(node: Node): node is CallExpression {
  return (
    Node.isCallExpression(node) &&
    /^(?:\w+\.)?(?:diskStorage|memoryStorage)$/.test(node.getExpression().getText())
  )
}

/** Writes `multipart(…)` in place of `multer(…)`, with the limit on files that its uploads set. */
export function convert({ adapter }: Shared, { call, edits }: Instance): void {
  const [options] = call.getArguments()
  const chain = chainOf(call)
  const own = chain ? filesLimit(chain) : '...routeLimits'
  const limits = propertyOf(options, 'limits')
  const additions = ['nested: true', "errors: 'next'"]
  if (!propertyOf(options, 'dest') && !propertyOf(options, 'storage'))
    additions.unshift(`storage: ${edits.use('memory', adapter)}()`)
  if (limits === undefined && own !== '') additions.unshift(`limits: { ${own} }`)
  else if (limits && own !== '') {
    const files = chain && propertyOf(limits.value, 'files')
    if (files) edits.set(files.property, own)
    else if (Node.isObjectLiteralExpression(limits.value)) addProperties(edits, limits.value, [own])
    else edits.set(limits.property, `limits: { ...${limits.value.getText()}, ${own} }`)
  }
  if (Node.isObjectLiteralExpression(options)) addProperties(edits, options, additions)
  else edits.replace(call.getExpression().getEnd(), call.getEnd(), `({ ${additions.join(', ')} })`)
  const type = edits.isTypeScript && !chain ? `?: Partial<${edits.use('Limits', adapter, true)}>` : ''
  const head = chain ? '' : `(routeLimits${type}) => `
  edits.set(call.getExpression(), head + edits.use('multipart', adapter))
  if (!/fileSize/.test(limits?.value.getText() ?? '') && !Node.isIdentifier(limits?.value))
    edits.mark(
      call,
      'multer had no limit for the size of a file. Now it is 10 MiB: set `limits.fileSize` if you need more.',
      page,
    )
}

/** `.single(…)` behind `multer(…)`. */
function chainOf(call: CallExpression): CallExpression | undefined {
  const access = call.getParent()
  const outer = access?.getParent()
  const isChain = Node.isPropertyAccessExpression(access) && methods.includes(access.getName())
  return isChain && Node.isCallExpression(outer) ? outer : undefined
}

/** The number of files that an upload takes, as a limit; `''` if there is none. */
export function filesLimit(call: CallExpression): string {
  const kind = (call.getExpression() as PropertyAccessExpression).getName()
  const [first, second] = call.getArguments()
  if (kind === 'single') return 'files: 1'
  if (kind === 'none') return 'files: 0'
  if (kind === 'array') return second ? `files: ${second.getText()}` : ''
  const counts = Node.isArrayLiteralExpression(first)
    ? first.getElements().map((each) => Number(propertyOf(each, 'maxCount')?.value.getText()))
    : []
  const sum = counts.reduce((total, each) => total + each, 0)
  return sum > 0 ? `files: ${sum}` : ''
}

/** Writes an option whose function returns, in place of one whose function calls back. */
function rewriteCallback(shared: Shared, fn: FunctionNode, property: Node, name: 'filter' | 'name'): void {
  const isSimple = shared.callbacks.get(fn) ?? returnInstead(shared, fn, name)
  shared.callbacks.set(fn, isSimple)
  const edits = shared.work.editsOf(property.getSourceFile())
  const isMethod = Node.isMethodDeclaration(property)
  if (isMethod && isSimple) return edits.set(property.getNameNode(), name)
  const text = (isMethod ? 'function ' : '') + edits.textOf(valueOf(property))
  if (isSimple) return edits.set(property, `${name}: ${text}`)
  const [error, result] = edits.isTypeScript
    ? ['error: Error | null', 'result?: unknown']
    : ['error', 'result']
  const [head, given, wrap] =
    name === 'filter' ? ['(file, req)', 'req', 'Boolean'] : ['(file)', 'undefined', 'String']
  const settle = `(${error}, ${result}) => (error ? reject(error) : resolve(${wrap}(result)))`
  const promise = `new Promise((resolve, reject) => void (${text})(${given}, file, ${settle}))`
  edits.set(property, `${name}: ${head} => ${promise}`)
}

/** Makes a function that returns of one that calls back. @returns false if it has to call back */
function returnInstead({ work, adapter }: Shared, fn: FunctionNode, name: 'filter' | 'name'): boolean {
  const edits = work.editsOf(fn.getSourceFile())
  const [first, file, callback] = fn.getParameters().map((each) => each.getNameNode())
  if (first === undefined || file === undefined) return false
  for (const use of usesOf(file)) followFiles(edits, use, 'file', infoTerms)
  const calls = callback ? usesOf(callback).map((use) => use.getParentOrThrow()) : []
  const texts = calls.map((call) => returnOf(edits, call, fn, name))
  if (calls.length === 0 || texts.includes(undefined)) return false
  for (const [index, call] of calls.entries()) {
    const statement = call.getParentOrThrow()
    if (Node.isCallExpression(call) && isText(call.getArguments()[0]))
      edits.mark(call, 'The error was a text. Now it is an Error with that message.', page)
    edits.set(Node.isStatement(statement) ? statement : call, texts[index]!)
  }
  const info = file.getText() + (edits.isTypeScript ? `: ${edits.use('FileInfo', adapter, true)}` : '')
  const request = fn.getParameters()[0]!.getText()
  const isUsed = name === 'filter' && usesParameter(fn, 0)
  const [start, end] = [first.getParentOrThrow().getStart(), fn.getParameters().at(-1)!.getEnd()]
  edits.replace(start, end, isUsed ? `${info}, ${request}` : info)
  return true
}

/**
 * What takes the place of a call of the callback.
 *
 * @returns `undefined` if something runs after it, or it is not known whether it passes on an error
 */
function returnOf(
  edits: FileEdits,
  call: Node,
  fn: FunctionNode,
  name: 'filter' | 'name',
): string | undefined {
  if (!Node.isCallExpression(call) || call.getFirstAncestor(isFunction) !== fn) return undefined
  const statement = call.getParentOrThrow()
  const next = Node.isExpressionStatement(statement) ? statement.getNextSibling() : undefined
  const isBody = fn.getBody() === call
  const ends = isBody || Node.isReturnStatement(statement) || Node.isExpressionStatement(statement)
  const isLast = next === undefined || /^(?:\}|return\b|break\b|else\b)/.test(next.getText())
  if (!ends || !isLast) return undefined
  const [error, value] = call.getArguments()
  const end = statement.getText().endsWith(';') ? ';' : ''
  if (error !== undefined && !/^(?:null|undefined)$/.test(error.getText())) {
    if (!isText(error) && !Node.isNewExpression(error) && !Node.isObjectLiteralExpression(error))
      return undefined
    const thrown = isText(error) ? `new Error(${edits.textOf(error)})` : edits.textOf(error)
    return isBody ? `{ throw ${thrown} }` : `throw ${thrown}${end}`
  }
  if (value === undefined && name === 'name') return undefined
  const text = value === undefined ? 'false' : edits.textOf(value)
  const isBoolean =
    /^(?:true|false|!.*)$/.test(text) ||
    /\.(?:test|includes|startsWith|endsWith|some)\([^)]*\)$/.test(text) ||
    / [!=]==? [^|&?]+$/.test(text)
  const result = name === 'name' || isBoolean ? text : `Boolean(${text})`
  return isBody ? result : `return ${result}${end}`
}

function isText(node: Node | undefined): boolean {
  return (
    Node.isStringLiteral(node) ||
    Node.isTemplateExpression(node) ||
    Node.isNoSubstitutionTemplateLiteral(node)
  )
}

/** The directory: an expression, or what a function calls back with if that is always the same. */
function constantOf(value: Node): Node | undefined {
  const fn = resolve(value, isFunction)
  if (fn === undefined) return value
  const callback = fn.getParameters()[2]?.getNameNode()
  const calls = callback ? usesOf(callback).map((use) => use.getParentOrThrow()) : []
  const [call] = calls
  if (calls.length !== 1 || !Node.isCallExpression(call)) return undefined
  const [, given] = call.getArguments()
  // A directory that is made on the way need not be made.
  const others = fn.getDescendantsOfKind(SyntaxKind.CallExpression).filter((each) => each !== call)
  const isPlain = others.every((each) =>
    /(?:path\.|join|resolve|mkdir|existsSync|access|ensureDir|console\.)/i.test(each.getText()),
  )
  const isInside = (node: Node): boolean => node.getFirstAncestor((up) => up === fn) !== undefined
  const [local] = Node.isIdentifier(given) ? given.getDefinitionNodes() : []
  const constant = Node.isVariableDeclaration(local) && isInside(local) ? local.getInitializer() : given
  if (!isPlain || constant === undefined) return undefined
  const names = [constant, ...constant.getDescendants()].filter(Node.isIdentifier)
  return names.some((each) => each.getDefinitionNodes().some(isInside)) ? undefined : constant
}

function isRelative(directory: Node): boolean {
  return Node.isStringLiteral(directory) && !/^(?:\/|[a-z]:)/i.test(directory.getLiteralValue())
}

function usesParameter(fn: FunctionNode, index: number): boolean {
  const name = fn.getParameters()[index]?.getNameNode()
  return name !== undefined && (!Node.isIdentifier(name) || usesOf(name).length > 0)
}

/** True for a use of `upload` that the codemod follows: a call of one of its methods, or an export. */
function isKnownUse(use: Node): boolean {
  const parent = use.getParentOrThrow()
  if (Node.isPropertyAccessExpression(parent)) return methods.includes(parent.getName())
  if (Node.isBinaryExpression(parent)) return /^(?:module\.)?exports\b/.test(parent.getLeft().getText())
  const isExported = Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)
  return isExported || Node.isExportAssignment(parent) || Node.isExportSpecifier(parent)
}

function shorten(text: string): string {
  const [line = ''] = text.split('\n')
  return line.length > 60 ? `${line.slice(0, 60)}…` : line
}
