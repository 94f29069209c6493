/** Searches for the most expensive body: keeps the worst, changes them a little, and keeps the worst again. */
import { Random } from '../random.js'
import { costOf, excess, type Cost } from './cost.js'
import { known, type KnownName } from './known.js'
import { buildRecipe, mutateRecipe, type Recipe, type Run } from './recipe.js'

export interface Found {
  /**
   * The seed or the known name of a recipe and the seeds of its changes, such as `7.12.5` or `bad-escapes.3`: the whole
   * request can be made from it again.
   */
  readonly seed: string
  readonly recipe: Recipe
  readonly cost: Cost
}

/** How many of the worst bodies are kept. */
const kept = 24

/** The recipe of a seed as `Found` names it. */
function recipeOf(seed: string): Recipe {
  const [first = '', ...changes] = seed.split('.')
  const recipe = Object.hasOwn(known, first)
    ? known[first as KnownName]
    : buildRecipe(new Random(Number(first)))
  return changes.reduce<Recipe>((recipe, change) => mutateRecipe(new Random(Number(change)), recipe), recipe)
}

/** Measures the body of a seed. */
export async function find(seed: string, times?: number): Promise<Found> {
  const recipe = recipeOf(seed)
  return { seed, recipe, cost: await costOf(recipe, times) }
}

/**
 * Searches for the given time, starting from the known bodies.
 *
 * @param first the first seed; it decides every choice that does not depend on measurements
 * @returns the worst of each kind, the worst first, and how many were tried
 */
export async function search(
  first: number,
  until: () => boolean,
  onWorse: (found: Found) => void = () => undefined,
): Promise<{ worst: Found[]; tried: number }> {
  const random = new Random(first)
  let worst: Found[] = []
  let tried = 0
  const start = Object.keys(known)
  for (let next = first; !until(); next = (next + 1) % 2 ** 31) {
    const parent = random.chance(0.4) ? undefined : worst[random.below(worst.length)]
    const found = await find(start.pop() ?? (parent === undefined ? String(next) : `${parent.seed}.${next}`))
    tried += 1
    const before = worst[0]
    worst = keep(worst, found)
    if (worst[0] === found && (before === undefined || excess(found.cost) > 1.2 * excess(before.cost)))
      onWorse(found)
  }
  return { worst, tried }
}

function keep(worst: readonly Found[], found: Found): Found[] {
  const kind = kindOf(found.recipe)
  const like = worst.find(({ recipe }) => kindOf(recipe) === kind)
  if (like !== undefined && excess(like.cost) >= excess(found.cost)) return [...worst]
  return [...worst.filter((each) => each !== like), found]
    .toSorted((one, other) => excess(other.cost) - excess(one.cost))
    .slice(0, kept)
}

/** A key that variants of a body share, so that the kept bodies differ. */
function kindOf({ route, contentType, parts, encoding }: Recipe): string {
  const types = parts.map(
    ({ header }) => /Content-Type: [\w/-]+/.exec(header.map(({ unit }) => unit).join(''))?.[0],
  )
  return [route, contentType.split(';')[0], encoding, ...types].join(' ')
}

/** One line: the figures, the seed, and a description of the body. */
export function lineOf({ seed, recipe, cost }: Found): string {
  const perMiB = (cost.cpu / cost.bytes) * 1024 * 1024
  const figures = [
    `${excess(cost).toFixed(1)} x allowed`,
    `${cost.bytes} bytes`,
    `${cost.cpu.toFixed(0)} ms CPU (${perMiB.toFixed(0)} ms per MiB)`,
    `longest block ${cost.block.toFixed(0)} ms`,
    `answer ${cost.answer} bytes`,
    ...(cost.failure === undefined ? [] : [cost.failure]),
  ]
  return `${figures.join(', ')}: ${describe(recipe)} (seed ${seed})`
}

function describe({ route, contentType, text, parts, encoding, ending, chunk }: Recipe): string {
  return [
    `${route}; ${contentType}${encoding && ` as ${encoding}`}, ${ending}, chunks of ${chunk}`,
    ...(text.length > 0 ? [runsOf(text)] : []),
    ...parts.map(({ header, content, times }) => `${times} parts { ${runsOf(header)} | ${runsOf(content)} }`),
  ].join('; ')
}

function runsOf(runs: readonly Run[]): string {
  return runs
    .map(({ unit, times }) => {
      const text = JSON.stringify(unit.length > 60 ? `${unit.slice(0, 50)}…` : unit)
      return times === 1 ? text : `${text} x ${times}`
    })
    .join(' ')
}
