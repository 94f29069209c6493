/** Follows values through a program: what an expression is, and how an uploaded file is used. */
import {
  Node,
  SyntaxKind,
  type ArrowFunction,
  type AsExpression,
  type CallExpression,
  type ElementAccessExpression,
  type FunctionDeclaration,
  type FunctionExpression,
  type MethodDeclaration,
  type NonNullExpression,
  type ObjectBindingPattern,
  type ObjectLiteralExpression,
  type ParenthesizedExpression,
  type PropertyAccessExpression,
  type SourceFile,
} from 'ts-morph'
import type { FileEdits } from './edits.js'

export type FunctionNode = ArrowFunction | FunctionExpression | FunctionDeclaration | MethodDeclaration

export function isFunction(node: Node | undefined): node is FunctionNode {
  return (
    Node.isArrowFunction(node) ||
    Node.isFunctionExpression(node) ||
    Node.isFunctionDeclaration(node) ||
    Node.isMethodDeclaration(node)
  )
}

/** True for brackets, `as` and `!`, around a value that stays the same. */
function isWrapping(
  node: Node | undefined,
): node is ParenthesizedExpression | AsExpression | NonNullExpression {
  return Node.isParenthesizedExpression(node) || Node.isAsExpression(node) || Node.isNonNullExpression(node)
}

/**
 * Follows names, properties, imports and exports to where a value is made.
 *
 * @returns the first node that `accept` accepts
 */
export function resolve<T extends Node>(
  node: Node | undefined,
  accept: (node: Node) => node is T,
  seen: Set<Node> = new Set(),
): T | undefined {
  if (node === undefined || seen.has(node)) return undefined
  seen.add(node)
  if (accept(node)) return node
  const next = (each: Node | undefined): T | undefined => resolve(each, accept, seen)
  if (isWrapping(node) || Node.isExportAssignment(node)) return next(node.getExpression())
  if (Node.isVariableDeclaration(node) || Node.isPropertyAssignment(node) || Node.isPropertyDeclaration(node))
    return next(node.getInitializer())
  if (Node.isBinaryExpression(node)) return next(node.getRight())
  if (Node.isCallExpression(node)) {
    // `handler.bind(controller)`
    const callee = node.getExpression()
    return Node.isPropertyAccessExpression(callee) && callee.getName() === 'bind'
      ? next(callee.getExpression())
      : undefined
  }
  const name = Node.isPropertyAccessExpression(node) ? node.getNameNode() : node
  if (!Node.isIdentifier(name)) return undefined
  for (const definition of name.getDefinitionNodes()) {
    const parent = definition.getParent()
    const isTarget = Node.isPropertyAccessExpression(definition) && Node.isBinaryExpression(parent)
    const isShorthand = Node.isShorthandPropertyAssignment(definition)
    const found = isShorthand
      ? definition.getValueSymbol()?.getDeclarations().map(next).find(Boolean)
      : next(isTarget ? parent : definition)
    if (found) return found
    if (Node.isBindingElement(definition)) {
      const property = definition.getPropertyNameNode() ?? definition.getNameNode()
      const held = property.getSymbol()?.getDeclarations().map(next).find(Boolean)
      if (held) return held
    }
    if (Node.isSourceFile(definition)) {
      const exported = exportOf(definition)
      if (exported !== undefined) return next(exported)
    }
  }
  return undefined
}

/** `module.exports = …` or `export default …` of a file. */
function exportOf(file: SourceFile): Node | undefined {
  for (const statement of file.getStatements()) {
    if (Node.isExportAssignment(statement)) return statement.getExpression()
    const expression = Node.isExpressionStatement(statement) ? statement.getExpression() : undefined
    if (Node.isBinaryExpression(expression) && expression.getLeft().getText() === 'module.exports')
      return expression.getRight()
  }
  return undefined
}

const identifiers = new WeakMap<SourceFile, Map<string, Node[]>>()

/** The uses of a name that a node declares, in its file. */
export function usesOf(name: Node): Node[] {
  const file = name.getSourceFile()
  let byText = identifiers.get(file)
  if (byText === undefined) {
    byText = new Map()
    for (const each of file.getDescendantsOfKind(SyntaxKind.Identifier))
      byText.set(each.getText(), [...(byText.get(each.getText()) ?? []), each])
    identifiers.set(file, byText)
  }
  const symbol = name.getSymbol()
  return (byText.get(name.getText()) ?? []).filter((each) => {
    const parent = each.getParent()
    if (each === name || symbol === undefined) return false
    if (Node.isShorthandPropertyAssignment(parent)) return parent.getValueSymbol() === symbol
    return each.getSymbol() === symbol
  })
}

/** The value of a property of an object literal: of a method, the method. */
export function valueOf(property: Node): Node {
  if (Node.isPropertyAssignment(property)) return property.getInitializerOrThrow()
  return Node.isShorthandPropertyAssignment(property) ? property.getNameNode() : property
}

/** A property of an object literal and its value. */
export function propertyOf(
  object: Node | undefined,
  name: string,
): { property: Node; value: Node } | undefined {
  const property = Node.isObjectLiteralExpression(object) ? object.getProperty(name) : undefined
  return property && { property, value: valueOf(property) }
}

/** Adds properties behind those that an object literal has. */
export function addProperties(
  edits: FileEdits,
  object: ObjectLiteralExpression,
  texts: readonly string[],
): void {
  const last = object.getProperties().at(-1)
  if (last === undefined) return edits.set(object, `{ ${texts.join(', ')} }`)
  const source = edits.file.getFullText()
  const isInLines = source.slice(object.getStart(), last.getStart()).includes('\n')
  const separator = isInLines ? `,\n${edits.lineBefore(last.getStart())}` : ', '
  const text = texts.map((each) => separator + each).join('')
  const comment = isInLines ? /^,?([ \t]*\/\/[^\r\n]*)/.exec(source.slice(last.getEnd())) : null
  if (comment === null) edits.insert(last.getEnd(), text)
  else edits.replace(last.getEnd(), last.getEnd() + comment[0].length, `,${comment[1]}${text.slice(1)}`)
}

/** Removes a property, and a comma beside it. */
export function dropProperty(edits: FileEdits, property: Node): void {
  const next = property.getNextSibling()?.getNextSibling()
  const before = property.getPreviousSibling()?.getPreviousSibling()
  if (next) edits.replace(property.getStart(), next.getStart(), '')
  else edits.replace(before?.getEnd() ?? property.getStart(), property.getEnd(), '')
}

/** Puts statements at the start of a function. */
export function beginWith(edits: FileEdits, fn: FunctionNode, lines: readonly string[]): void {
  const body = fn.getBody()
  if (body === undefined || lines.length === 0) return
  if (!Node.isBlock(body)) {
    edits.insert(body.getStart(), `{ ${lines.join('; ')}; return `)
    return edits.insert(body.getEnd(), ' }')
  }
  const source = edits.file.getFullText()
  const end = /;\r?\n/.test(source) ? ';' : ''
  const first = body.getStatements()[0]?.getStart() ?? body.getEnd() - 1
  const isInLines = source.slice(body.getStart() + 1, first).includes('\n')
  const indent = `\n${edits.lineBefore(first)}`
  const text = lines.map((line) => (isInLines ? `${indent}${line}${end}` : ` ${line};`)).join('')
  edits.insert(body.getStart() + 1, text)
}

/** True if the fields of a form are used as one object, which also has the files now. */
export function takesWhole(node: Node): boolean {
  const parent = node.getParentOrThrow()
  if (isWrapping(parent)) return takesWhole(parent)
  if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent))
    return parent.getExpression() !== node
  if (Node.isVariableDeclaration(parent)) {
    const name = parent.getNameNode()
    return Node.isIdentifier(name) ? usesOf(name).some(takesWhole) : name.getText().includes('...')
  }
  if (Node.isCallExpression(parent)) return !parent.getText().startsWith('console.')
  if (Node.isBinaryExpression(parent))
    return /^(?:=|\|\||\?\?)$/.test(parent.getOperatorToken().getText()) && parent.getRight() === node
  return !tests.includes(parent.getKind())
}

/** What does nothing with a value but to see if there is one. */
const tests: readonly SyntaxKind[] = [
  SyntaxKind.PrefixUnaryExpression,
  SyntaxKind.IfStatement,
  SyntaxKind.ExpressionStatement,
  SyntaxKind.TypeOfExpression,
]

function isUsedAsList(node: Node): boolean {
  const parent = node.getParent()
  if (Node.isPropertyAccessExpression(parent))
    return /^(?:length|map|forEach|filter|at)$/.test(parent.getName())
  if (Node.isVariableDeclaration(parent) && Node.isIdentifier(parent.getNameNode()))
    return usesOf(parent.getNameNode()).some(isUsedAsList)
  if (Node.isElementAccessExpression(parent)) return Node.isNumericLiteral(parent.getArgumentExpression())
  if (Node.isCallExpression(parent)) return /isArray/.test(parent.getText())
  return Node.isForOfStatement(parent)
}

/** What the properties of a file of the old package are called on an `UploadedFile`. */
export interface Terms {
  readonly page: string
  /** The new name of each. */
  readonly names: Readonly<Record<string, string>>
  /** An expression with `$` for the file; or, after `!`, what a person must know, since there is no counterpart. */
  readonly properties: Readonly<Record<string, string>>
}

/** The term for a property of all packages. */
export const encoding = '!Formgate does not tell the encoding of a part.'

/**
 * What a value holds: one file, a list of files, or lists by field name. The last is mixed if the old package has a file
 * in place of a list of one.
 */
export type Kind = 'file' | 'list' | 'fields' | 'mixed'

const callbackMethods = /^(?:map|forEach|filter|find|some|every|flatMap)$/

/** Does the same for a parameter, whose type says that it holds files. */
export function followBinding(edits: FileEdits, name: Node, kind: Kind, terms: Terms): void {
  if (Node.isIdentifier(name)) for (const use of usesOf(name)) followFiles(edits, use, kind, terms)
}

/** Rewrites all that is done with a value that holds files. Marks what it cannot follow. */
export function followFiles(edits: FileEdits, start: Node, startKind: Kind, terms: Terms): void {
  const seen = new Set<Node>()
  follow(start, startKind)

  function follow(node: Node, kind: Kind): void {
    const parent = node.getParentOrThrow()
    if (seen.has(node)) return
    seen.add(node)
    if (
      isWrapping(parent) ||
      Node.isAwaitExpression(parent) ||
      Node.isSpreadElement(parent) ||
      (Node.isArrayLiteralExpression(parent) && kind === 'list' && Node.isSpreadElement(node))
    )
      return follow(parent, kind)
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === node)
      return bind(parent.getNameNode(), kind)
    if (Node.isForOfStatement(parent) && parent.getExpression() === node && kind === 'list') {
      const variables = parent.getInitializer()
      const first = Node.isVariableDeclarationList(variables) ? variables.getDeclarations()[0] : undefined
      return first ? bind(first.getNameNode(), 'file') : lost(node, kind)
    }
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
      if (kind === 'file') return property(parent, node)
      return kind === 'list' ? member(parent) : entry(parent, kind)
    }
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === node && kind !== 'file')
      return kind === 'list' ? follow(parent, 'file') : entry(parent, kind)
    if (Node.isBinaryExpression(parent)) {
      const operator = parent.getOperatorToken().getText()
      const isRight = parent.getRight() === node
      if (operator === '||' || operator === '??' || (operator === '&&' && isRight))
        return follow(parent, kind)
      if (operator !== '=' || !isRight) return undefined
      const left = parent.getLeft()
      return Node.isIdentifier(left) ? bind(left, kind) : lost(node, kind)
    }
    if (Node.isConditionalExpression(parent))
      return parent.getCondition() === node ? undefined : follow(parent, kind)
    if (Node.isCallExpression(parent) && parent.getExpression() !== node) return argument(parent, node, kind)
    return tests.includes(parent.getKind()) ? undefined : lost(node, kind)
  }

  function bind(name: Node, kind: Kind): void {
    if (Node.isIdentifier(name)) for (const use of usesOf(name)) follow(use, kind)
    else if (Node.isArrayBindingPattern(name)) {
      for (const each of name.getElements()) if (Node.isBindingElement(each)) bind(each.getNameNode(), 'file')
    } else if (Node.isObjectBindingPattern(name)) {
      if (kind === 'file' || kind === 'list') return takeApart(name)
      for (const each of name.getElements()) {
        const local = each.getNameNode()
        const isList = kind === 'fields' || usesOf(local).some(isUsedAsList)
        const before = each.getPropertyNameNode() ? '' : `${local.getText()}: `
        if (!isList) edits.set(local, `${before}[${local.getText()}] = []`)
        bind(local, isList ? 'list' : 'file')
      }
    }
  }

  /** `const { originalname, buffer } = file` */
  function takeApart(pattern: ObjectBindingPattern): void {
    const declaration = pattern.getParentOrThrow()
    let file = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined
    while (isWrapping(file)) file = file.getExpression()
    const kept: string[] = []
    const others: string[] = []
    for (const each of pattern.getElements()) {
      const name = each.getPropertyNameNode()?.getText() ?? each.getName()
      const local = each.getNameNode()
      const term = termOf(name)
      if (each.getDotDotDotToken() !== undefined) lost(each, 'file')
      else if (term !== undefined && isName(term))
        edits.replace(each.getStart(), local.getEnd(), `${term}: ${local.getText()}`)
      else if (term !== undefined) {
        if (file && isPossible(term, each)) {
          others.push(`${local.getText()} = ${term.replaceAll('$', edits.textOf(file))}`)
          continue
        }
        mark(each, hintOf(name, term))
      }
      kept.push(edits.textOf(each))
    }
    if (others.length === 0) return
    if (kept.length === 0) return edits.set(declaration, others.join(', '))
    edits.set(pattern, `{ ${kept.join(', ')} }`)
    edits.insert(declaration.getEnd(), `, ${others.join(', ')}`)
  }

  /** True if a term can be written at a node: no `await` in a function that is not async. */
  function isPossible(term: string, node: Node): boolean {
    const isAsync = node.getFirstAncestor(isFunction)?.isAsync() === true
    return !term.startsWith('!') && (isAsync || !term.includes('await '))
  }

  /** The files of one field. */
  function entry(access: PropertyAccessExpression | ElementAccessExpression, kind: Kind): void {
    const isList = kind === 'fields' || isUsedAsList(access)
    if (!isList) edits.insert(access.getEnd(), '?.[0]')
    follow(access, isList ? 'list' : 'file')
  }

  /** `files.map(…)` and the like. */
  function member(access: PropertyAccessExpression): void {
    const name = access.getName()
    const call = access.getParentOrThrow()
    if (name === 'length') return
    if (!Node.isCallExpression(call) || call.getExpression() !== access) return lost(access, 'list')
    if (name === 'at' || name === 'pop' || name === 'shift') return follow(call, 'file')
    const [callback] = call.getArguments()
    if (!callbackMethods.test(name) || !isFunction(callback)) return lost(access, 'list')
    const first = callback.getParameters()[0]
    if (first) bind(first.getNameNode(), 'file')
    if (name === 'filter') follow(call, 'list')
    if (name === 'find') follow(call, 'file')
  }

  /** `file.originalname` */
  function property(access: PropertyAccessExpression, object: Node): void {
    const name = access.getName()
    const term = termOf(name)
    const parent = access.getParentOrThrow()
    const isTarget =
      Node.isBinaryExpression(parent) &&
      parent.getLeft() === access &&
      isAssignment(parent.getOperatorToken())
    const gone = isTarget
      ? 'An uploaded file of Formgate does not take other properties: keep this value beside it.'
      : term !== undefined && !isName(term) && !isPossible(term, access) && hintOf(name, term)
    if (gone) {
      if (edits.isTypeScript) edits.set(object, `(${edits.textOf(object)} as any)`)
      return mark(access, gone)
    }
    if (term === undefined) return
    if (isName(term)) return edits.set(access.getNameNode(), term)
    const call = name === 'toBuffer' && Node.isCallExpression(parent) ? parent : access
    const outer = call.getParentOrThrow()
    const whole = name === 'toBuffer' && Node.isAwaitExpression(outer) ? outer : call
    const text = edits.textOf(object)
    const value = term.replaceAll('$', text)
    const field = whole.getParentOrThrow()
    if (name === 'fields') {
      const content = field.getParent()
      const isValue = Node.isPropertyAccessExpression(content) && content.getName() === 'value'
      if (!isValue) return mark(access, '`data` of the request has all fields, each with its value alone.')
      edits.replace(field.getEnd(), content.getEnd(), '')
    }
    // A file that is too large fails the request.
    if (Node.isPropertyAccessExpression(field) && field.getName() === 'truncated')
      return edits.set(field, 'false')
    if (access.getText().includes('?.')) {
      // What follows in the chain is skipped too.
      if (Node.isPropertyAccessExpression(field) && !field.hasQuestionDotToken())
        edits.replace(whole.getEnd(), field.getNameNode().getStart(), '?.')
      return edits.set(whole, `(${text} && ${value})`)
    }
    const isRead = Node.isPropertyAccessExpression(field) || Node.isElementAccessExpression(field)
    edits.set(whole, isRead && value.startsWith('await') ? `(${value})` : value)
  }

  function argument(call: CallExpression, node: Node, kind: Kind): void {
    const callee = call.getExpression().getText()
    if (/^(?:console\.\w+|Array\.isArray|Boolean|Object\.keys)$/.test(callee)) return
    if (callee === 'Object.values' && (kind === 'fields' || kind === 'mixed'))
      return mark(node, 'These are lists of files: add .flat() for the files.')
    // A function that is called from here alone, or that names the type, which is enough to follow it.
    const target = resolve(call.getExpression(), isFunction)
    const parameter = target?.getParameters()[call.getArguments().indexOf(node)]?.getNameNode()
    if (/Multer\.File\b/.test(parameter?.getParent()?.getText() ?? '')) return
    const name = Node.isFunctionDeclaration(target) ? target.getNameNode() : undefined
    if (name && parameter && target?.getSourceFile() === edits.file && usesOf(name).length === 1)
      return bind(parameter, kind)
    lost(node, kind)
  }

  function termOf(name: string): string | undefined {
    const table = [terms.names, terms.properties].find((each) => Object.hasOwn(each, name))
    return table?.[name]
  }

  function mark(node: Node, text: string): void {
    edits.mark(node, text, terms.page)
  }

  function lost(node: Node, kind: Kind): void {
    const names = Object.entries(terms.names).map(([from, to]) => `\`${from}\` is \`${to}\``)
    const renamed = `Check what uses this: on a file of Formgate ${names.join(', ')}.`
    mark(node, kind === 'mixed' ? '`ctx.request.files` has a list for every field.' : renamed)
  }
}

function isAssignment(operator: Node): boolean {
  return operator.getKind() >= SyntaxKind.FirstAssignment && operator.getKind() <= SyntaxKind.LastAssignment
}

/** True for a term that is a property of the new file. */
function isName(term: string): boolean {
  return /^\w+$/.test(term)
}

/** What a person must do about a property. */
function hintOf(name: string, term: string): string {
  if (term.startsWith('!')) return term.slice(1)
  const task = term.includes('await ') ? 'make this function async' : 'change it by hand'
  return `\`${name}\` is \`${term.replaceAll('$', 'file')}\`: ${task}.`
}
