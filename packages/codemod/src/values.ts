/** Follows values through a program: what an expression is, and how an uploaded file is used. */
import {
  Node,
  SyntaxKind,
  type CallExpression,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
  type SourceFile,
} from 'ts-morph'
import type { FileEdits } from './edits.js'

export type FunctionNode = Node & {
  getParameters(): ParameterList
  getBody?(): Node | undefined
  isAsync?(): boolean
}
type ParameterList = ReturnType<import('ts-morph').ArrowFunction['getParameters']>

export function isFunction(node: Node | undefined): node is FunctionNode {
  return (
    Node.isArrowFunction(node) ||
    Node.isFunctionExpression(node) ||
    Node.isFunctionDeclaration(node) ||
    Node.isMethodDeclaration(node)
  )
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
  if (Node.isParenthesizedExpression(node) || Node.isAsExpression(node) || Node.isNonNullExpression(node))
    return next(node.getExpression())
  if (Node.isVariableDeclaration(node) || Node.isPropertyAssignment(node) || Node.isPropertyDeclaration(node))
    return next(node.getInitializer())
  if (Node.isExportAssignment(node)) return next(node.getExpression())
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

/** A property of an object literal and its value. */
export function propertyOf(
  object: Node | undefined,
  name: string,
): { property: Node; value: Node } | undefined {
  const property = Node.isObjectLiteralExpression(object) ? object.getProperty(name) : undefined
  if (property === undefined) return undefined
  const value = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : property
  return { property, value: Node.isShorthandPropertyAssignment(value) ? value.getNameNode() : value }
}

/** Adds properties behind those that an object literal has. */
export function addProperties(
  edits: FileEdits,
  object: ObjectLiteralExpression,
  texts: readonly string[],
): void {
  const last = object.getProperties().at(-1)
  if (last === undefined) return edits.set(object, `{ ${texts.join(', ')} }`)
  const before = edits.file.getFullText().slice(object.getStart(), last.getStart())
  const separator = before.includes('\n') ? `,\n${/[^\n]*$/.exec(before)?.[0] ?? ''}` : ', '
  const rest = edits.file.getFullText().slice(last.getEnd())
  const comment = separator === ', ' ? undefined : /^,?([ \t]*\/\/[^\r\n]*)/.exec(rest)
  const text = texts.map((each) => separator + each).join('')
  if (comment == null) edits.replace(last.getEnd(), last.getEnd(), text)
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
  const body = fn.getBody?.()
  if (body === undefined) return
  const source = edits.file.getFullText()
  const end = /;\r?\n/.test(source) ? ';' : ''
  if (!Node.isBlock(body)) {
    edits.replace(body.getStart(), body.getStart(), `{ ${lines.join('; ')}; return `)
    edits.replace(body.getEnd(), body.getEnd(), ' }')
    return
  }
  const first = body.getStatements()[0]?.getStart() ?? body.getEnd() - 1
  const between = source.slice(body.getStart() + 1, first)
  const indent = between.includes('\n') ? `\n${/[^\n]*$/.exec(between)?.[0] ?? ''}` : ' '
  const text = lines.map((line) => `${indent}${line}${indent === ' ' ? ';' : end}`).join('')
  edits.replace(body.getStart() + 1, body.getStart() + 1, text)
}

/** True if the fields of a form are used as one object, which also has the files now. */
export function takesWhole(node: Node): boolean {
  const parent = node.getParentOrThrow()
  if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent))
    return parent.getExpression() !== node
  if (
    Node.isAsExpression(parent) ||
    Node.isNonNullExpression(parent) ||
    Node.isParenthesizedExpression(parent)
  )
    return takesWhole(parent)
  if (Node.isVariableDeclaration(parent)) {
    const name = parent.getNameNode()
    if (Node.isIdentifier(name)) return usesOf(name).some(takesWhole)
    return name
      .getElements()
      .some((each) => Node.isBindingElement(each) && each.getDotDotDotToken() !== undefined)
  }
  if (Node.isCallExpression(parent)) return !parent.getText().startsWith('console.')
  if (Node.isBinaryExpression(parent))
    return /^(?:=|\|\||\?\?)$/.test(parent.getOperatorToken().getText()) && parent.getRight() === node
  return !(
    Node.isPrefixUnaryExpression(parent) ||
    Node.isIfStatement(parent) ||
    Node.isExpressionStatement(parent)
  )
}

/** What the properties of a file of the old package are called on an `UploadedFile`. */
export interface Terms {
  readonly page: string
  /** The new name of each. */
  readonly names: Readonly<Record<string, string>>
  /** An expression with `$` for the file; or, after `!`, what a person must know, since there is no counterpart. */
  readonly properties: Readonly<Record<string, string>>
}

/** What a value holds: one file, a list of files, or lists by field name. */
export type Kind = 'file' | 'list' | 'fields'

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
      Node.isParenthesizedExpression(parent) ||
      Node.isNonNullExpression(parent) ||
      Node.isAsExpression(parent) ||
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
      return first ? bind(first.getNameNode(), 'file') : lost(node)
    }
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
      return kind === 'file' ? property(parent, node) : member(parent, kind)
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === node && kind !== 'file')
      return follow(parent, kind === 'list' ? 'file' : 'list')
    if (Node.isBinaryExpression(parent)) {
      const operator = parent.getOperatorToken().getText()
      const isRight = parent.getRight() === node
      if (operator === '||' || operator === '??' || (operator === '&&' && isRight))
        return follow(parent, kind)
      const left = parent.getLeft()
      if (operator === '=' && isRight) return Node.isIdentifier(left) ? bind(left, kind) : lost(node)
      return
    }
    if (Node.isConditionalExpression(parent))
      return parent.getCondition() === node ? undefined : follow(parent, kind)
    if (Node.isCallExpression(parent) && parent.getExpression() !== node) return argument(parent, node, kind)
    const isHarmless =
      Node.isPrefixUnaryExpression(parent) ||
      Node.isIfStatement(parent) ||
      Node.isExpressionStatement(parent) ||
      Node.isTypeOfExpression(parent)
    if (!isHarmless) lost(node)
  }

  function bind(name: Node, kind: Kind): void {
    if (Node.isIdentifier(name)) {
      for (const use of usesOf(name)) follow(use, kind)
    } else if (Node.isArrayBindingPattern(name)) {
      for (const each of name.getElements()) if (Node.isBindingElement(each)) bind(each.getNameNode(), 'file')
    } else if (Node.isObjectBindingPattern(name)) {
      const kept: string[] = []
      const others: string[] = []
      for (const each of name.getElements()) {
        const property = each.getPropertyNameNode()?.getText() ?? each.getName()
        const local = each.getNameNode()
        const term = termOf(property)
        if (kind === 'fields') bind(local, 'list')
        else if (each.getDotDotDotToken() !== undefined) lost(each)
        else if (term !== undefined && !/^\w+$/.test(term)) {
          const value = isPossible(term, each) ? valueOfPattern(name, term) : undefined
          if (value === undefined) lost(each, hintOf(property, term))
          else others.push(`${local.getText()} = ${value}`)
          if (value !== undefined) continue
        } else if (term !== undefined)
          edits.replace(each.getStart(), local.getEnd(), `${term}: ${local.getText()}`)
        kept.push(edits.textOf(each))
      }
      const declaration = name.getParentOrThrow()
      if (others.length === 0) return
      if (kept.length === 0) return edits.set(declaration, others.join(', '))
      edits.set(name, `{ ${kept.join(', ')} }`)
      edits.replace(declaration.getEnd(), declaration.getEnd(), `, ${others.join(', ')}`)
    }
  }

  /** True if a term can be written at a node: no `await` in a function that is not async. */
  function isPossible(term: string, node: Node): boolean {
    const isAsync = node.getFirstAncestor(isFunction)?.isAsync?.() === true
    return !term.startsWith('!') && (isAsync || !term.includes('await '))
  }

  /** The value of a term for `const { buffer } = file`. */
  function valueOfPattern(pattern: Node, term: string): string | undefined {
    const declaration = pattern.getParent()
    let value: Node | undefined = Node.isVariableDeclaration(declaration)
      ? declaration.getInitializer()
      : undefined
    while (
      Node.isAsExpression(value) ||
      Node.isNonNullExpression(value) ||
      Node.isParenthesizedExpression(value)
    )
      value = value.getExpression()
    return value && term.replaceAll('$', edits.textOf(value))
  }

  function member(access: PropertyAccessExpression, kind: Kind): void {
    const name = access.getName()
    const call = access.getParentOrThrow()
    if (kind === 'fields') return follow(access, 'list')
    if (name === 'length') return
    if (!Node.isCallExpression(call) || call.getExpression() !== access) return lost(access)
    if (name === 'at' || name === 'pop' || name === 'shift') return follow(call, 'file')
    const [callback] = call.getArguments()
    if (!callbackMethods.test(name) || !isFunction(callback)) return lost(access)
    const first = callback.getParameters()[0]
    if (first) bind(first.getNameNode(), 'file')
    if (name === 'filter') follow(call, 'list')
    if (name === 'find') follow(call, 'file')
  }

  function property(access: PropertyAccessExpression, object: Node): void {
    const name = access.getName()
    const term = termOf(name)
    const parent = access.getParentOrThrow()
    const isTarget =
      Node.isBinaryExpression(parent) &&
      parent.getLeft() === access &&
      parent.getOperatorToken().getText().endsWith('=') &&
      !/^[!=]==?$/.test(parent.getOperatorToken().getText())
    const gone = isTarget
      ? 'An uploaded file of Formgate does not take other properties: keep this value beside it.'
      : term !== undefined && !/^\w+$/.test(term) && !isPossible(term, access)
        ? hintOf(name, term)
        : undefined
    if (gone !== undefined) {
      if (edits.isTypeScript) edits.set(object, `(${edits.textOf(object)} as any)`)
      return lost(access, gone)
    }
    if (term === undefined) return
    if (/^\w+$/.test(term)) return edits.set(access.getNameNode(), term)
    const call = name === 'toBuffer' && Node.isCallExpression(parent) ? parent : access
    const outer = call.getParentOrThrow()
    const whole = name === 'toBuffer' && Node.isAwaitExpression(outer) ? outer : call
    const text = edits.textOf(object)
    const value = term.replaceAll('$', text)
    const field = whole.getParent()
    if (name === 'fields') {
      const content = field?.getParent()
      const isValue = Node.isPropertyAccessExpression(content) && content.getName() === 'value'
      if (!isValue) return lost(access, '`data` of the request has all fields, each with its value alone.')
      edits.replace(field!.getEnd(), content.getEnd(), '')
    }
    // A file that is too large fails the request.
    if (Node.isPropertyAccessExpression(field) && field.getName() === 'truncated')
      return edits.set(field, 'false')
    const isOptional = access.getText().includes('?.')
    // What follows in the chain is skipped too.
    if (isOptional && Node.isPropertyAccessExpression(field) && !field.hasQuestionDotToken())
      edits.replace(whole.getEnd(), field.getNameNode().getStart(), '?.')
    edits.set(
      whole,
      isOptional
        ? `(${text} && ${value})`
        : value.startsWith('await') && needsBrackets(whole)
          ? `(${value})`
          : value,
    )
  }

  function argument(call: CallExpression, node: Node, kind: Kind): void {
    const callee = call.getExpression().getText()
    if (/^(?:console\.\w+|Array\.isArray|Boolean|Object\.keys)$/.test(callee)) return
    if (callee === 'Object.values' && kind === 'fields')
      return lost(node, 'These are lists of files: add .flat() for the files.')
    // A function that is called from here alone, or that names the type, which is enough to follow it.
    const target = resolve(call.getExpression(), isFunction)
    const parameter = target?.getParameters()[call.getArguments().indexOf(node)]?.getNameNode()
    if (/Multer\.File\b/.test(parameter?.getParent()?.getText() ?? '')) return
    const name = Node.isFunctionDeclaration(target) ? target.getNameNode() : undefined
    if (name && parameter && target?.getSourceFile() === edits.file && usesOf(name).length === 1)
      return bind(parameter, kind)
    lost(node)
  }

  function termOf(name: string): string | undefined {
    const table = [terms.names, terms.properties].find((each) => Object.hasOwn(each, name))
    return table?.[name]
  }

  function lost(node: Node, text?: string): void {
    const renamed = Object.entries(terms.names)
      .map(([from, to]) => `\`${from}\` is \`${to}\``)
      .join(', ')
    edits.mark(node, text ?? `Check what uses this: on a file of Formgate ${renamed}.`, terms.page)
  }
}

/** What a person must do about a property. */
function hintOf(name: string, term: string): string {
  return term.startsWith('!')
    ? term.slice(1)
    : `\`${name}\` is \`${term.replaceAll('$', 'file')}\`: ${term.includes('await ') ? 'make this function async' : 'change it by hand'}.`
}

/** True where a value that begins with `await` needs brackets. */
function needsBrackets(node: Node): boolean {
  const parent = node.getParent()
  return Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)
}
