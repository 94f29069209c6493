/** multer and @koa/multer. */
import { Node, SyntaxKind, type CallExpression, type PropertyAccessExpression } from 'ts-morph'
import type { Adapter, FileEdits } from './edits.js'
import {
  addProperties,
  beginWith,
  dropProperty,
  followBinding,
  followFiles,
  isFunction,
  propertyOf,
  resolve,
  takesWhole,
  usesOf,
  type FunctionNode,
  type Kind,
  type Terms,
} from './values.js'
import type { Work } from './work.js'

const page = 'migrating.md#multer'
const methods = ['single', 'array', 'fields', 'none', 'any']
const renamed = { originalname: 'name', mimetype: 'type', fieldname: 'field' }
const infoTerms: Terms = {
  page,
  names: renamed,
  properties: { encoding: '!Formgate does not tell the encoding of a part.' },
}
const codes: Record<string, string> = {
  LIMIT_PART_COUNT: 'LIMIT_PARTS',
  LIMIT_FILE_COUNT: 'LIMIT_FILES',
  LIMIT_FIELD_KEY: 'LIMIT_FIELD_NAME',
  LIMIT_FIELD_VALUE: 'LIMIT_FIELD_SIZE',
  LIMIT_FIELD_COUNT: 'LIMIT_FIELDS',
  LIMIT_FIELD_NESTING: 'LIMIT_NESTING',
  LIMIT_FIELD_ARRAY_INDEX: 'LIMIT_NESTING',
  MISSING_FIELD_NAME: 'MISSING_PART_NAME',
}

/** One `multer(…)`. */
interface Instance {
  readonly call: CallExpression
  readonly edits: FileEdits
  /** Why a person has to convert it. */
  problem?: string
  /** Functions and storages that it uses. */
  readonly parts: Set<Node>
  /** Makes the changes to them. */
  readonly changes: Map<Node, () => void>
  storage: 'memory' | 'disk'
  /** True if files are stored under a path that is relative to the working directory. */
  isRelative: boolean
}

/** One `upload.single('photo')`. */
interface Use {
  readonly call: CallExpression
  readonly instance: Instance
  readonly kind: string
  /** The text of the field's name. */
  readonly field: string | undefined
}

export function migrateMulter(work: Work): void {
  for (const [module, adapter] of [
    ['multer', '@formgate/express'],
    ['@koa/multer', '@formgate/koa'],
  ] as const)
    migrate(work, module, adapter)
}

function migrate(work: Work, module: string, adapter: Adapter): void {
  const imports = work.importsOf(module)
  const instances = imports.flatMap(
    ({ edits, names }) =>
      names.get('default')?.flatMap((name) =>
        usesOf(name).flatMap((use) => {
          const call = use.getParent()
          return Node.isCallExpression(call) && call.getExpression() === use
            ? [readInstance(call, edits)]
            : []
        }),
      ) ?? [],
  )
  // A function that a multer which stays needs is not changed.
  for (let again = true; again;) {
    const kept = new Set(instances.filter(({ problem }) => problem).flatMap(({ parts }) => [...parts]))
    const caught = instances.filter(
      ({ problem, parts }) => !problem && [...parts].some((part) => kept.has(part)),
    )
    for (const each of caught)
      each.problem = 'Another multer, which a person has to convert, uses its functions.'
    again = caught.length > 0
  }
  const converted = instances.filter(({ problem }) => !problem)
  for (const { problem, call, edits } of instances)
    if (problem) edits.mark(call, `This multer was left as it is. ${problem}`, page)
  const changed = new Set<Node>()
  /** Functions of multer that call back; and those that return instead. */
  const callbacks = new Set<Node>()
  const simple = new Set<Node>()
  const uses = findUses()
  for (const instance of converted) convert(instance)
  for (const use of uses) rewriteUse(use)
  rewriteRoutes()
  for (const { edits, names, statement } of imports) finishImport(edits, names, statement)
  if (converted.length > 0) rewriteCodes()

  /** What a `multer(…)` has, and whether it can be converted. */
  function readInstance(call: CallExpression, edits: FileEdits): Instance {
    const instance: Instance = {
      call,
      edits,
      parts: new Set(),
      changes: new Map(),
      storage: 'memory',
      isRelative: false,
    }
    const [options] = call.getArguments()
    if (options !== undefined && !Node.isObjectLiteralExpression(options))
      return { ...instance, problem: 'Its options are not written in place.' }
    const declared = call.getParent()
    const name = Node.isVariableDeclaration(declared) ? declared.getNameNode() : undefined
    const strange = name && usesOf(name).find((use) => !isKnownUse(use))
    if (strange)
      return {
        ...instance,
        problem: `It is passed on in \`${shorten(strange.getParentOrThrow().getText())}\`.`,
      }
    for (const property of options?.getProperties() ?? []) {
      const name = Node.isSpreadAssignment(property) ? '...' : property.getName()
      const value = Node.isPropertyAssignment(property)
        ? property.getInitializerOrThrow()
        : Node.isShorthandPropertyAssignment(property)
          ? property.getNameNode()
          : property
      if (name === 'dest') {
        instance.storage = 'disk'
        instance.isRelative = isRelative(value)
        instance.changes.set(property, () => {
          edits.set(property, `storage: ${edits.use('disk', adapter)}({ directory: ${value.getText()} })`)
        })
      } else if (name === 'storage') readStorage(instance, value)
      else if (name === 'fileFilter') readFilter(instance, property, value)
      else if (name === 'limits') {
        const pairs = Node.isObjectLiteralExpression(value) && value.getProperty('headerPairs')
        for (const [from, to] of Object.entries({
          fieldNestingDepth: 'nesting',
          fieldArrayIndexLimit: 'arrayIndex',
        })) {
          const limit = propertyOf(value, from)?.property
          if (limit) instance.changes.set(limit, () => edits.set(limit.getFirstChildOrThrow(), to))
        }
        if (pairs) instance.problem = 'Formgate has `limits.headerSize`, in bytes, and no `headerPairs`.'
      } else if (name === 'defParamCharset')
        instance.changes.set(property, () => dropProperty(edits, property))
      else instance.problem = `Formgate has no counterpart of its option \`${name}\`.`
    }
    return instance
  }

  function readStorage(instance: Instance, value: Node): void {
    const call = resolve(value, (node): node is CallExpression => storageOf(node) !== undefined)
    if (call === undefined) {
      instance.problem = 'Its storage is not one of multer: see docs/files.md#storages and docs/s3.md.'
      return
    }
    const edits = work.editsOf(call.getSourceFile())
    instance.parts.add(call)
    if (storageOf(call) === 'memoryStorage') {
      instance.changes.set(call, () => edits.set(call, `${edits.use('memory', adapter)}()`))
      return
    }
    instance.storage = 'disk'
    const [options] = call.getArguments()
    const destination = propertyOf(options, 'destination')
    const filename = propertyOf(options, 'filename')
    const directory = destination && constantOf(destination.value)
    if (directory === undefined || !Node.isObjectLiteralExpression(options)) {
      instance.problem =
        'Its destination depends on the request or the file: disk() has one directory, and `name` may return folders below it.'
      return
    }
    instance.isRelative = isRelative(directory)
    const name = filename && resolve(filename.value, isFunction)
    if (filename && (!name || usesParameter(name, 0))) {
      instance.problem =
        'Its filename reads the request: give the file a name in the handler, with `moveTo()`.'
      return
    }
    instance.changes.set(call, () => {
      edits.set(call.getExpression(), edits.use('disk', adapter))
      edits.set(destination!.property, `directory: ${directory.getText()}`)
      if (filename && name) {
        rewriteCallback(work.editsOf(name.getSourceFile()), name, filename.property, 'name')
        const isUnique = /Date|random|uuid|nanoid|crypto|unique/i.test(name.getText())
        if (!isUnique)
          edits.mark(call, 'disk() never overwrites a file: a name that is taken gets a suffix.', page)
        if (/toISOString|['"`][^'"`\n]*:/.test(name.getText()))
          edits.mark(call, 'disk() refuses names with a `:`, which Windows does not store: replace it.', page)
      }
    })
  }

  function readFilter(instance: Instance, property: Node, value: Node): void {
    const filter = resolve(value, isFunction)
    if (filter === undefined) {
      instance.problem =
        'Its fileFilter is made elsewhere: write `filter(file, req)`, which returns true or false.'
      return
    }
    instance.parts.add(filter)
    instance.changes.set(property, () => {
      rewriteCallback(work.editsOf(filter.getSourceFile()), filter, property, 'filter')
    })
  }

  /** Makes a function that returns of one that calls back. */
  function rewriteCallback(
    edits: FileEdits,
    fn: FunctionNode,
    property: Node,
    name: 'filter' | 'name',
  ): void {
    const [, file, callback] = fn.getParameters().map((each) => each.getNameNode())
    const propertyEdits = work.editsOf(property.getSourceFile())
    const isFirst = !callbacks.has(fn)
    callbacks.add(fn)
    const calls = callback ? usesOf(callback).map((use) => use.getParentOrThrow()) : []
    const returns = calls.map((call) => returnOf(call, fn, name))
    const isSimple = file && calls.length > 0 && returns.every((each) => each !== undefined)
    if (isFirst && file) for (const use of usesOf(file)) followFiles(edits, use, 'file', infoTerms)
    if (isFirst && isSimple) {
      simple.add(fn)
      for (const [index, text] of returns.entries()) {
        const call = calls[index]!
        const statement = call.getParentOrThrow()
        edits.set(Node.isStatement(statement) ? statement : call, text(edits))
      }
      const first = fn.getParameters()[0]!
      const info = file.getText() + (edits.isTypeScript ? `: ${edits.use('FileInfo', adapter, true)}` : '')
      const isUsed = name === 'filter' && usesParameter(fn, 0)
      const end = fn.getParameters().at(-1)!.getEnd()
      edits.replace(first.getStart(), end, isUsed ? `${info}, ${first.getText()}` : info)
    }
    if (Node.isMethodDeclaration(property) && isSimple) return propertyEdits.set(property.getNameNode(), name)
    const value = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : property
    const prefix = Node.isMethodDeclaration(property) ? 'function ' : ''
    const text = prefix + propertyEdits.textOf(value)
    if (isSimple) return propertyEdits.set(property, `${name}: ${text}`)
    const [error, result] = propertyEdits.isTypeScript
      ? ['error: Error | null', 'result?: unknown']
      : ['error', 'result']
    const [head, given, wrap] =
      name === 'filter' ? ['(file, req)', 'req', 'Boolean'] : ['(file)', 'undefined', 'String']
    const settle = `(${error}, ${result}) => (error ? reject(error) : resolve(${wrap}(result)))`
    const promise = `new Promise((resolve, reject) => void (${text})(${given}, file, ${settle}))`
    propertyEdits.set(property, `${name}: ${head} => ${promise}`)
  }

  function convert(instance: Instance): void {
    const { call, edits, changes } = instance
    for (const [part, change] of changes) {
      if (!changed.has(part)) change()
      changed.add(part)
    }
    const [options] = call.getArguments()
    const properties = Node.isObjectLiteralExpression(options) ? options : undefined
    const chain = chainOf(call)
    const own = chain ? filesLimit(chain) : '...routeLimits'
    const limits = propertyOf(options, 'limits')
    const additions = ['nested: true', "errors: 'next'"]
    if (!properties?.getProperty('dest') && !properties?.getProperty('storage'))
      additions.unshift(`storage: ${edits.use('memory', adapter)}()`)
    if (limits === undefined && own !== '') additions.unshift(`limits: { ${own} }`)
    else if (limits && own !== '') {
      if (Node.isObjectLiteralExpression(limits.value)) {
        const files = limits.value.getProperty('files')
        if (chain && files) edits.set(files, own)
        else addProperties(edits, limits.value, [own])
      } else edits.set(limits.property, `limits: { ...${limits.value.getText()}, ${own} }`)
    }
    if (properties) addProperties(edits, properties, additions)
    else edits.replace(call.getExpression().getEnd(), call.getEnd(), `({ ${additions.join(', ')} })`)
    const type = edits.isTypeScript && !chain ? `?: Partial<${edits.use('Limits', adapter, true)}>` : ''
    edits.set(
      call.getExpression(),
      `${chain ? '' : `(routeLimits${type}) => `}${edits.use('multipart', adapter)}`,
    )
    if (!/fileSize/.test(limits?.value.getText() ?? '') && !Node.isIdentifier(limits?.value))
      edits.mark(
        call,
        'multer had no limit for the size of a file. Now it is 10 MiB: set `limits.fileSize` if you need more.',
        page,
      )
  }

  /** Every `upload.single(…)` of the converted instances. */
  function findUses(): Use[] {
    const byCall = new Map<Node, Instance>(converted.map((each) => [each.call, each]))
    const isInstance = (node: Node): node is CallExpression => byCall.has(node)
    return work.calls.flatMap((call) => {
      const callee = call.getExpression()
      if (!Node.isPropertyAccessExpression(callee) || !methods.includes(callee.getName())) return []
      const made = resolve(callee.getExpression(), isInstance)
      if (made === undefined) return []
      const [field] = call.getArguments()
      const text =
        Node.isStringLiteral(field) || Node.isNoSubstitutionTemplateLiteral(field)
          ? field.getText()
          : undefined
      return [{ call, instance: byCall.get(made)!, kind: callee.getName(), field: text }]
    })
  }

  function rewriteUse({ call, instance }: Use): void {
    const edits = work.editsOf(call.getSourceFile())
    const callee = call.getExpressionIfKindOrThrow(SyntaxKind.PropertyAccessExpression)
    const own = filesLimit(call)
    const isChain = callee.getExpression() === instance.call
    edits.replace(
      callee.getExpression().getEnd(),
      call.getEnd(),
      isChain ? '' : own === '' ? '()' : `({ ${own} })`,
    )
  }

  /** The handlers that run after an upload. */
  function rewriteRoutes(): void {
    const byCall = new Map<Node, Use>(uses.map((each) => [each.call, each]))
    const isUse = (node: Node): node is CallExpression => byCall.has(node)
    const handlers = new Map<FunctionNode, string>()
    const placed = new Set<Use>()
    for (const call of work.calls) {
      const callee = call.getExpression()
      const args = call.getArguments()
      const called = args.length >= 2 ? resolve(callee, isUse) : undefined
      if (called && !byCall.has(call)) {
        placed.add(byCall.get(called)!)
        const [then] = args[2] ? handlersOf(args[2]) : []
        if (then) rewriteHandler(then, args[0]!.getText(), byCall.get(called)!)
        else
          work.mark(
            call,
            'Change what reads the files of this upload: `req.file` is `req.files[name]?.[0]`.',
            page,
          )
        continue
      }
      if (
        !Node.isPropertyAccessExpression(callee) ||
        !/^(?:get|post|put|patch|delete|all|use)$/.test(callee.getName())
      )
        continue
      const steps = args.flatMap((each) =>
        Node.isArrayLiteralExpression(each) ? each.getElements() : [each],
      )
      const at = steps.findIndex((each) => resolve(each, isUse) !== undefined)
      const found = at === -1 ? undefined : resolve(steps[at], isUse)
      if (found === undefined) continue
      const use = byCall.get(found)!
      placed.add(use)
      const edits = work.editsOf(call.getSourceFile())
      const functions = steps.slice(at + 1).flatMap(handlersOf)
      if (functions.length === 0 && use.kind !== 'none')
        edits.mark(
          call,
          'Change the handlers of this upload by hand: `req.file` is `req.files[name]?.[0]`, `req.body` is `req.data`.',
          page,
        )
      for (const fn of functions) {
        const key = `${use.kind} ${use.field}`
        const other = handlers.get(fn)
        handlers.set(fn, key)
        const request = fn.getParameters()[0]?.getNameNode()
        if (other === undefined && Node.isIdentifier(request)) rewriteHandler(fn, request.getText(), use)
        else if (other !== key)
          work.mark(
            fn,
            'Change this handler by hand: it takes its request apart, or serves several uploads.',
            page,
          )
      }
    }
    for (const use of uses) {
      if (!placed.has(use))
        work.mark(
          use.call,
          'Change the handlers of this upload by hand: `req.file` is `req.files[name]?.[0]`, `req.body` is `req.data`.',
          page,
        )
    }
  }

  function rewriteHandler(fn: FunctionNode, request: string, { kind, field, instance }: Use): void {
    const edits = work.editsOf(fn.getSourceFile())
    const target = adapter === '@formgate/koa' ? `${request}.request` : request
    const reads = fn.getDescendants().flatMap((node) => {
      if (!Node.isPropertyAccessExpression(node)) return []
      const object = node.getExpression().getText()
      return object === target || (object === request && /^files?$/.test(node.getName())) ? [node] : []
    })
    for (const node of reads.filter((each) => each.getName() === 'body')) {
      if (kind !== 'none' && takesWhole(node))
        edits.mark(node, `\`${target}.data\` holds the files too, beside the fields.`, page)
      edits.set(node.getNameNode(), 'data')
    }
    const all = `Object.values(${target}.files).flat()`
    const list = field === undefined ? all : `(${target}.files[${field}] ?? [])`
    const value =
      kind === 'single'
        ? field === undefined
          ? `${all}[0]`
          : `${target}.files[${field}]?.[0]`
        : kind === 'array'
          ? list.replace(/^\((.*)\)$/, '$1')
          : all
    const wanted = kind === 'single' ? 'file' : 'files'
    const files = reads.filter((each) => each.getName() === wanted)
    const isBound = kind !== 'fields' && kind !== 'none' && files.length > 0
    const used = new Set(
      fn
        .getDescendantsOfKind(SyntaxKind.Identifier)
        .filter((each) => !Node.isPropertyAccessExpression(each.getParent()))
        .map((each) => each.getText()),
    )
    const name = [
      wanted,
      `uploaded${wanted === 'file' ? 'File' : 'Files'}`,
      `formgate${wanted === 'file' ? 'File' : 'Files'}`,
    ].find((each) => !used.has(each))!
    const terms = termsOf(edits, instance)
    for (const node of files) {
      if (isBound) edits.set(node, name)
      else if (target !== request) edits.set(node, `${target}.files`)
      const nodeKind: Kind = kind === 'single' ? 'file' : kind === 'fields' ? 'fields' : 'list'
      if (kind !== 'none') followFiles(edits, node, nodeKind, terms)
    }
    for (const node of fn.getDescendantsOfKind(SyntaxKind.ObjectBindingPattern)) {
      const parent = node.getParent()
      const isOfRequest = Node.isVariableDeclaration(parent) && parent.getInitializer()?.getText() === request
      if (isOfRequest && /\b(?:body|files?)\b/.test(node.getText()))
        edits.mark(
          node,
          'Change this by hand: `req.file` is `req.files[name]?.[0]`, `req.body` is `req.data`.',
          page,
        )
    }
    const keeps = instance.storage === 'disk' && kind !== 'none'
    const keep =
      kind === 'single'
        ? `${isBound ? name : value}?.keep()`
        : `for (const each of ${isBound ? name : value}) each.keep()`
    const lines = [...(isBound ? [`const ${name} = ${value}`] : []), ...(keeps ? [keep] : [])]
    if (lines.length > 0) beginWith(edits, fn, lines)
  }

  function finishImport(edits: FileEdits, names: Map<string, Node[]>, statement: Node): void {
    for (const [exported, locals] of names) {
      for (const use of locals.flatMap(usesOf)) {
        const parent = use.getParentOrThrow()
        const member =
          Node.isPropertyAccessExpression(parent) && parent.getExpression() === use
            ? parent.getName()
            : undefined
        if (member === 'MulterError' || exported === 'MulterError') {
          const node = member ? parent : use
          if (converted.length > 0 && !Node.isNewExpression(node.getParent()))
            edits.set(node, edits.use('BodyError', adapter))
          else work.keep(module, statement)
        } else {
          const call = member ? parent.getParent() : parent
          const isConverted = call && (changed.has(call) || converted.some((each) => each.call === call))
          const isParameterType = call?.getFirstAncestor(
            (each) =>
              Node.isParameterDeclaration(each) &&
              isFunction(each.getParent()) &&
              simple.has(each.getParentOrThrow()),
          )
          if (!isConverted && !isParameterType && !Node.isImportSpecifier(parent))
            work.keep(module, statement)
        }
      }
    }
  }

  /** Codes of errors, and types of files. */
  function rewriteCodes(): void {
    for (const file of work.files) {
      const text = file.getFullText()
      if (/LIMIT_|MISSING_FIELD_NAME/.test(text)) {
        for (const literal of file.getDescendantsOfKind(SyntaxKind.StringLiteral)) {
          const code = literal.getLiteralValue()
          const edits = work.editsOf(file)
          if (code === 'LIMIT_UNEXPECTED_FILE') {
            const text =
              'Formgate has no such code: too many files are LIMIT_FILES, and other fields are not refused.'
            edits.mark(literal, text, page)
            const compared = literal.getParent()
            if (edits.isTypeScript && Node.isBinaryExpression(compared))
              edits.set(compared.getLeft(), `(${compared.getLeft().getText()} as string)`)
          } else if (codes[code]) edits.replace(literal.getStart() + 1, literal.getEnd() - 1, codes[code])
        }
      }
      if (!text.includes('Multer.File')) continue
      for (const type of file.getDescendantsOfKind(SyntaxKind.TypeReference)) {
        const parameter = type.getFirstAncestorByKind(SyntaxKind.Parameter)?.getParent()
        if (type.getTypeName().getText() !== 'Express.Multer.File' || simple.has(parameter!)) continue
        const name = callbacks.has(parameter!) ? 'FileInfo' : 'UploadedFile'
        const edits = work.editsOf(file)
        edits.set(type.getTypeName(), edits.use(name, adapter, true))
        let holder = type.getParent()
        let kind: Kind = 'file'
        while (Node.isArrayTypeNode(holder) || Node.isUnionTypeNode(holder)) {
          if (Node.isArrayTypeNode(holder)) kind = 'list'
          holder = holder.getParent()
        }
        const terms = termsOf(edits, converted[0]!)
        if (name === 'UploadedFile' && Node.isParameterDeclaration(holder))
          followBinding(edits, holder.getNameNode(), kind, terms)
        // A handler that no route leads to.
        const read = Node.isAsExpression(holder) ? holder.getExpression() : undefined
        if (!Node.isPropertyAccessExpression(read) || !/^files?$/.test(read.getName())) continue
        if (edits.textOf(read) !== read.getText()) continue
        const all = `Object.values(${read.getExpression().getText()}.files).flat()`
        edits.set(read, kind === 'file' ? `${all}[0]` : all)
        followFiles(edits, read, kind, terms)
      }
    }
  }
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

/** `diskStorage` or `memoryStorage`, for a call of it. */
function storageOf(node: Node): string | undefined {
  if (!Node.isCallExpression(node)) return undefined
  return /^(?:\w+\.)?(diskStorage|memoryStorage)$/.exec(node.getExpression().getText())?.[1]
}

/** The directory: an expression, or what a function calls back with if that is always the same. */
function constantOf(value: Node): Node | undefined {
  const fn = resolve(value, isFunction)
  if (fn === undefined) return Node.isMethodDeclaration(value) ? undefined : value
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
  const local = Node.isIdentifier(given) ? given.getDefinitionNodes()[0] : undefined
  const isLocal = Node.isVariableDeclaration(local) && local.getFirstAncestor(isFunction) === fn
  const constant = isLocal ? local.getInitializer() : given
  const names = constant?.getDescendantsOfKind(SyntaxKind.Identifier) ?? []
  const isFree = [...names, constant].every(
    (each) =>
      !Node.isIdentifier(each) ||
      each.getDefinitionNodes().every((made) => made.getFirstAncestor((up) => up === fn) === undefined),
  )
  return isPlain && isFree ? constant : undefined
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

/** `.single(…)` behind `multer(…)`. */
function chainOf(call: CallExpression): CallExpression | undefined {
  const access = call.getParent()
  const outer = access?.getParent()
  const isChain = Node.isPropertyAccessExpression(access) && methods.includes(access.getName())
  return isChain && Node.isCallExpression(outer) ? outer : undefined
}

/** The number of files that an upload takes, as a limit; `''` if there is none. */
function filesLimit(call: CallExpression): string {
  const kind = (call.getExpression() as PropertyAccessExpression).getName()
  const [first, second] = call.getArguments()
  if (kind === 'single') return 'files: 1'
  if (kind === 'none') return 'files: 0'
  if (kind === 'array') return second ? `files: ${second.getText()}` : ''
  const counts = Node.isArrayLiteralExpression(first)
    ? first.getElements().map((each) => Number(propertyOf(each, 'maxCount')?.value.getText() ?? NaN))
    : []
  const sum = counts.reduce((total, each) => total + each, 0)
  return counts.length > 0 && sum > 0 ? `files: ${sum}` : ''
}

/**
 * What takes the place of a call of the callback.
 *
 * @returns `undefined` if something runs after it, or it is not known whether it passes on an error
 */
function returnOf(
  call: Node,
  fn: FunctionNode,
  name: 'filter' | 'name',
): ((edits: FileEdits) => string) | undefined {
  if (!Node.isCallExpression(call) || call.getFirstAncestor((each) => isFunction(each)) !== fn)
    return undefined
  const statement = call.getParentOrThrow()
  const next = Node.isExpressionStatement(statement) ? statement.getNextSibling() : undefined
  const isBody = fn.getBody?.() === call
  const ends = isBody || Node.isReturnStatement(statement) || Node.isExpressionStatement(statement)
  const isLast = next === undefined || /^(?:\}|return\b|break\b|else\b)/.test(next.getText())
  if (!ends || !isLast) return undefined
  const [error, value] = call.getArguments()
  const end = statement.getText().endsWith(';') ? ';' : ''
  if (error !== undefined && !/^(?:null|undefined)$/.test(error.getText())) {
    const isText =
      Node.isStringLiteral(error) ||
      Node.isTemplateExpression(error) ||
      Node.isNoSubstitutionTemplateLiteral(error)
    if (!isText && !Node.isNewExpression(error) && !Node.isObjectLiteralExpression(error)) return undefined
    return (edits) => {
      if (isText) edits.mark(call, 'The error was a text. Now it is an Error with that message.', page)
      const thrown = isText ? `throw new Error(${edits.textOf(error)})` : `throw ${edits.textOf(error)}`
      return isBody ? `{ ${thrown} }` : thrown + end
    }
  }
  if (value === undefined && name === 'name') return undefined
  return (edits) => {
    const text = value === undefined ? 'false' : edits.textOf(value)
    const isBoolean =
      /^(?:true|false|!.*)$/.test(text) ||
      /\.(?:test|includes|startsWith|endsWith|some)\([^)]*\)$/.test(text) ||
      / [!=]==? [^|&?]+$/.test(text)
    const result = name === 'name' || isBoolean ? text : `Boolean(${text})`
    return isBody ? result : `return ${result}${end}`
  }
}

/** What files of a converted instance have in place of multer's properties. */
function termsOf(edits: FileEdits, { storage, isRelative }: Instance): Terms {
  const bang = edits.isTypeScript ? '!' : ''
  const inPath = (name: string): string => {
    const known = /\bpath\b(?= from ['"](?:node:)?path['"]| = require\(['"](?:node:)?path['"]\))/.test(
      edits.file.getFullText(),
    )
    return known ? `path.${name}` : edits.use(name, 'node:path')
  }
  const none = {
    encoding: infoTerms.properties['encoding']!,
    stream: '!Read the file with `createReadStream()`.',
  }
  if (storage === 'memory') {
    const noPath = '!A file in memory has no path and no file name of its own.'
    const buffer = 'Buffer.from(await $.arrayBuffer())'
    return {
      page,
      names: renamed,
      properties: { ...none, buffer, path: noPath, filename: noPath, destination: noPath },
    }
  }
  return {
    page,
    names: renamed,
    properties: {
      ...none,
      destination: '!This is the `directory` of disk().',
      buffer: '!A file on the disk has no buffer: use `await file.arrayBuffer()`.',
      get path() {
        return isRelative ? `${inPath('relative')}('', $.path${bang})` : `$.path${bang}`
      },
      get filename() {
        return `${inPath('basename')}($.path${bang})`
      },
    },
  }
}
