/** multer and @koa/multer. */
import { Node, SyntaxKind, type SourceFile, type TypeReferenceNode } from 'ts-morph'
import type { Adapter } from './edits.js'
import { rewriteUses, termsOf } from './multer-handlers.js'
import { convert, page, readInstance, type Instance, type Shared } from './multer-options.js'
import { followBinding, followFiles, type Kind } from './values.js'
import type { OldImport, Work } from './work.js'

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

export function migrateMulter(work: Work): void {
  migrate(work, 'multer', '@formgate/express')
  migrate(work, '@koa/multer', '@formgate/koa')
}

function migrate(work: Work, module: string, adapter: Adapter): void {
  const shared: Shared = { work, adapter, callbacks: new Map() }
  const imports = work.importsOf(module)
  const instances = imports.flatMap(({ edits, uses }) =>
    uses.flatMap(({ exported, node }) => {
      const call = node.getParent()
      const isMade = exported === 'default' && Node.isCallExpression(call) && call.getExpression() === node
      return isMade ? [readInstance(shared, call, edits)] : []
    }),
  )
  leaveSharers(instances)
  for (const { problem, call, edits } of instances)
    if (problem) edits.mark(call, `This multer was left as it is. ${problem}`, page)
  const converted = instances.filter(({ problem }) => !problem)
  // Two of them may use the same storage.
  const changes = new Map(converted.flatMap((each) => [...each.changes]))
  for (const change of changes.values()) change()
  for (const each of converted) convert(shared, each)
  rewriteUses(shared, converted)
  for (const each of imports) finishImport(shared, module, each, converted)
  const [first] = converted
  if (first) for (const file of work.files) rewriteNames(shared, file, first)
}

/** A function that a multer which stays needs is not changed: leaves those that use it too. */
function leaveSharers(instances: readonly Instance[]): void {
  const kept = new Set(instances.filter(({ problem }) => problem).flatMap(({ parts }) => [...parts]))
  const sharers = instances.filter(
    ({ problem, parts }) => !problem && [...parts].some((each) => kept.has(each)),
  )
  for (const each of sharers)
    each.problem = 'Another multer, which a person has to convert, uses its functions.'
  if (sharers.length > 0) leaveSharers(instances)
}

/** Changes what else a file uses of multer, or keeps the import. */
function finishImport(
  { work, adapter, callbacks }: Shared,
  module: string,
  { edits, uses, statement }: OldImport,
  converted: readonly Instance[],
): void {
  for (const { exported, node } of uses) {
    const parent = node.getParentOrThrow()
    const isMade = converted.some(({ call, parts }) => call === parent || parts.has(parent))
    const isParameterType = node.getFirstAncestor(
      (each) => Node.isParameterDeclaration(each) && callbacks.get(each.getParentOrThrow()) === true,
    )
    if (exported === 'MulterError' && converted.length > 0 && !Node.isNewExpression(parent))
      edits.set(node, edits.use('BodyError', adapter))
    else if (!isMade && !isParameterType) work.keep(module, statement)
  }
}

/** Changes the codes of errors, and the types of files. */
function rewriteNames(shared: Shared, file: SourceFile, instance: Instance): void {
  const edits = shared.work.editsOf(file)
  const text = file.getFullText()
  if (/LIMIT_|MISSING_FIELD_NAME/.test(text)) {
    for (const literal of file.getDescendantsOfKind(SyntaxKind.StringLiteral)) {
      const code = codes[literal.getLiteralValue()]
      if (code) edits.replace(literal.getStart() + 1, literal.getEnd() - 1, code)
      if (literal.getLiteralValue() !== 'LIMIT_UNEXPECTED_FILE') continue
      const text =
        'Formgate has no such code: too many files are LIMIT_FILES, and other fields are not refused.'
      edits.mark(literal, text, page)
      const compared = literal.getParent()
      if (edits.isTypeScript && Node.isBinaryExpression(compared))
        edits.set(compared.getLeft(), `(${compared.getLeft().getText()} as string)`)
    }
  }
  if (text.includes('Multer.File'))
    for (const type of file.getDescendantsOfKind(SyntaxKind.TypeReference))
      rewriteType(shared, type, instance)
}

function rewriteType(
  { work, adapter, callbacks }: Shared,
  type: TypeReferenceNode,
  instance: Instance,
): void {
  const fn = type.getFirstAncestorByKind(SyntaxKind.Parameter)?.getParent()
  const isSimple = fn && callbacks.get(fn)
  if (type.getTypeName().getText() !== 'Express.Multer.File' || isSimple === true) return
  const edits = work.editsOf(type.getSourceFile())
  const name = isSimple === false ? 'FileInfo' : 'UploadedFile'
  edits.set(type.getTypeName(), edits.use(name, adapter, true))
  let holder = type.getParent()
  let kind: Kind = 'file'
  while (Node.isArrayTypeNode(holder) || Node.isUnionTypeNode(holder)) {
    if (Node.isArrayTypeNode(holder)) kind = 'list'
    holder = holder.getParent()
  }
  const terms = termsOf(edits, instance)
  if (name === 'UploadedFile' && Node.isParameterDeclaration(holder))
    followBinding(edits, holder.getNameNode(), kind, terms)
  // A handler that no route leads to.
  const read = Node.isAsExpression(holder) ? holder.getExpression() : undefined
  if (!Node.isPropertyAccessExpression(read) || !/^files?$/.test(read.getName())) return
  if (edits.textOf(read) !== read.getText()) return
  const all = `Object.values(${read.getExpression().getText()}.files).flat()`
  edits.set(read, kind === 'file' ? `${all}[0]` : all)
  followFiles(edits, read, kind, terms)
}
