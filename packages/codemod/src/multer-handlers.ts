/** Rewrites the routes with an upload of multer, and the handlers that run after it. */
import { Node, SyntaxKind, type CallExpression } from 'ts-morph'
import type { FileEdits } from './edits.js'
import { filesLimit, methods, page, renamed, type Instance, type Shared } from './multer-options.js'
import {
  beginWith,
  encoding,
  followFiles,
  isFunction,
  resolve,
  takesWhole,
  type FunctionNode,
  type Kind,
  type Terms,
} from './values.js'

/** One `upload.single('photo')`. */
interface Use {
  readonly call: CallExpression
  readonly instance: Instance
  readonly kind: string
  /** The text of the field's name. */
  readonly field: string | undefined
}

const byHand = '`req.file` is `req.files[name]?.[0]`, `req.body` is `req.data`.'

export function rewriteUses(shared: Shared, converted: readonly Instance[]): void {
  const { work } = shared
  const uses = findUses(shared, converted)
  for (const use of uses.values()) rewriteUse(shared, use)
  const handlers = new Map<FunctionNode, string>()
  const placed = new Set<Use>()
  for (const call of work.calls) rewriteCall(call)
  for (const use of uses.values())
    if (!placed.has(use)) work.mark(use.call, `Change the handlers of this upload by hand: ${byHand}`, page)

  function useOf(node: Node | undefined): Use | undefined {
    const made = resolve(node, (each): each is CallExpression => uses.has(each))
    return made && uses.get(made)
  }

  /** A call of an upload, or the definition of a route with one. */
  function rewriteCall(call: CallExpression): void {
    const callee = call.getExpression()
    const args = call.getArguments()
    const called = args.length >= 2 && !uses.has(call) ? useOf(callee) : undefined
    if (called) {
      placed.add(called)
      const [then] = args[2] ? handlersOf(args[2]) : []
      if (then) return rewriteHandler(shared, then, args[0]!.getText(), called)
      const text = 'Change what reads the files of this upload: `req.file` is `req.files[name]?.[0]`.'
      return work.mark(call, text, page)
    }
    const isRoute = Node.isPropertyAccessExpression(callee) && routes.test(callee.getName())
    if (!isRoute) return
    const steps = args.flatMap((each) => (Node.isArrayLiteralExpression(each) ? each.getElements() : [each]))
    const at = steps.findIndex((each) => useOf(each) !== undefined)
    const use = useOf(steps[at])
    if (use === undefined) return
    placed.add(use)
    const functions = steps.slice(at + 1).flatMap(handlersOf)
    if (functions.length === 0 && use.kind !== 'none')
      work.mark(call, `Change the handlers of this upload by hand: ${byHand}`, page)
    for (const fn of functions) {
      const key = `${use.kind} ${use.field}`
      const other = handlers.get(fn)
      handlers.set(fn, key)
      const request = fn.getParameters()[0]?.getNameNode()
      if (other === undefined && Node.isIdentifier(request))
        rewriteHandler(shared, fn, request.getText(), use)
      else if (other !== key) {
        const text = 'Change this handler by hand: it takes its request apart, or serves several uploads.'
        work.mark(fn, text, page)
      }
    }
  }
}

const routes = /^(?:get|post|put|patch|delete|all|use)$/

/** Every `upload.single(…)` of the converted instances. */
function findUses({ work }: Shared, converted: readonly Instance[]): Map<Node, Use> {
  const instances = new Map<Node, Instance>(converted.map((each) => [each.call, each]))
  const uses = new Map<Node, Use>()
  for (const call of work.calls) {
    const callee = call.getExpression()
    if (!Node.isPropertyAccessExpression(callee) || !methods.includes(callee.getName())) continue
    const made = resolve(callee.getExpression(), (node): node is CallExpression => instances.has(node))
    const instance = made && instances.get(made)
    if (instance === undefined) continue
    const [name] = call.getArguments()
    const isConstant = Node.isStringLiteral(name) || Node.isNoSubstitutionTemplateLiteral(name)
    const field = isConstant ? name.getText() : undefined
    uses.set(call, { call, instance, kind: callee.getName(), field })
  }
  return uses
}

/** Writes `upload({ files: 1 })` in place of `upload.single('photo')`. */
function rewriteUse({ work }: Shared, { call, instance }: Use): void {
  const upload = call.getExpressionIfKindOrThrow(SyntaxKind.PropertyAccessExpression).getExpression()
  const own = filesLimit(call)
  const args = own === '' ? '()' : `({ ${own} })`
  work
    .editsOf(call.getSourceFile())
    .replace(upload.getEnd(), call.getEnd(), upload === instance.call ? '' : args)
}

/** The functions of a handler, also those in a wrapper such as `asyncHandler(…)`. */
function handlersOf(node: Node): FunctionNode[] {
  const found = resolve(node, (each): each is Node => isFunction(each) || isWrapper(each))
  if (Node.isCallExpression(found)) return found.getArguments().flatMap(handlersOf)
  return isFunction(found) ? [found] : []
}

function isWrapper(node: Node): boolean {
  return Node.isCallExpression(node) && !node.getExpression().getText().endsWith('.bind')
}

function rewriteHandler({ work, adapter }: Shared, fn: FunctionNode, request: string, use: Use): void {
  const { kind, instance } = use
  const edits = work.editsOf(fn.getSourceFile())
  const target = adapter === '@formgate/koa' ? `${request}.request` : request
  const wanted = kind === 'single' ? 'file' : 'files'
  const reads = fn.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).filter((node) => {
    const object = node.getExpression().getText()
    return object === target || (object === request && /^files?$/.test(node.getName()))
  })
  for (const node of reads.filter((each) => each.getName() === 'body')) {
    if (kind !== 'none' && takesWhole(node))
      edits.mark(node, `\`${target}.data\` holds the files too, beside the fields.`, page)
    edits.set(node.getNameNode(), 'data')
  }
  const files = reads.filter((each) => each.getName() === wanted)
  const isBound = kind !== 'fields' && kind !== 'none' && files.length > 0
  const value = filesOf(target, use)
  const name = isBound ? freeName(fn, wanted) : value
  const held: Kind = kind === 'single' ? 'file' : kind === 'fields' ? 'fields' : 'list'
  for (const node of files) {
    if (isBound) edits.set(node, name)
    else if (target !== request) edits.set(node, `${target}.files`)
    if (kind !== 'none') followFiles(edits, node, held, termsOf(edits, instance))
  }
  for (const node of fn.getDescendantsOfKind(SyntaxKind.ObjectBindingPattern)) {
    const parent = node.getParent()
    const isOfRequest = Node.isVariableDeclaration(parent) && parent.getInitializer()?.getText() === request
    if (isOfRequest && /\b(?:body|files?)\b/.test(node.getText()))
      edits.mark(node, `Change this by hand: ${byHand}`, page)
  }
  const lines = isBound ? [`const ${name} = ${value}`] : []
  if (instance.storage === 'disk' && kind !== 'none')
    lines.push(kind === 'single' ? `${name}?.keep()` : `for (const each of ${name}) each.keep()`)
  beginWith(edits, fn, lines)
}

/** What holds the files of an upload. */
function filesOf(target: string, { kind, field }: Use): string {
  const all = `Object.values(${target}.files).flat()`
  if (kind === 'single') return field === undefined ? `${all}[0]` : `${target}.files[${field}]?.[0]`
  return kind === 'array' && field !== undefined ? `${target}.files[${field}] ?? []` : all
}

function freeName(fn: FunctionNode, name: string): string {
  const capital = name.replace('f', 'F')
  const used = fn
    .getDescendantsOfKind(SyntaxKind.Identifier)
    .filter((each) => !Node.isPropertyAccessExpression(each.getParent()))
    .map((each) => each.getText())
  return [name, `uploaded${capital}`, `formgate${capital}`].find((each) => !used.includes(each))!
}

/** What files of a converted instance have in place of multer's properties. */
export function termsOf(edits: FileEdits, { storage, isRelative }: Instance): Terms {
  const stream = '!Read the file with `createReadStream()`.'
  if (storage === 'memory') {
    const none = '!A file in memory has no path and no file name of its own.'
    const buffer = 'Buffer.from(await $.arrayBuffer())'
    const properties = { encoding, stream, buffer, path: none, filename: none, destination: none }
    return { page, names: renamed, properties }
  }
  const path = `$.path${edits.isTypeScript ? '!' : ''}`
  const inPath = (name: string): string =>
    /\bpath\b(?= from ['"](?:node:)?path['"]| = require\(['"](?:node:)?path['"]\))/.test(
      edits.file.getFullText(),
    )
      ? `path.${name}`
      : edits.use(name, 'node:path')
  return {
    page,
    names: renamed,
    properties: {
      encoding,
      stream,
      destination: '!This is the `directory` of disk().',
      buffer: '!A file on the disk has no buffer: use `await file.arrayBuffer()`.',
      get path() {
        return isRelative ? `${inPath('relative')}('', ${path})` : path
      },
      get filename() {
        return `${inPath('basename')}(${path})`
      },
    },
  }
}
