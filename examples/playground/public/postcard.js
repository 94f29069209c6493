/** Generates pictures to upload. */

/** Sky, sun, far hills, near hills, sea. */
const palettes = [
  ['#ffd9a0', '#ff7a59', '#8a5a83', '#4b3b66', '#2d2a4a'],
  ['#bfe3f2', '#ffd76e', '#6aa5a9', '#2f6f73', '#134e52'],
  ['#f7c6d0', '#fff3d6', '#b583a8', '#6d4c86', '#3b2f63'],
  ['#1f2a52', '#f4f0d9', '#33437a', '#222c57', '#141a38'],
]

/**
 * @param {number} number Selects the colours
 * @returns {Promise<File>} A PNG
 */
export async function paintPostcard(number) {
  const [width, height] = [960, 640]
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser cannot draw on a canvas.')
  const [sky = '', sun = '', far = '', near = '', sea = ''] = palettes[(number - 1) % palettes.length] ?? []

  context.fillStyle = sky
  context.fillRect(0, 0, width, height)
  context.fillStyle = sun
  context.beginPath()
  context.arc(260 + ((number * 170) % 480), 250, 90, 0, 2 * Math.PI)
  context.fill()
  hills(context, far, { base: 400, rise: 70, phase: number })
  hills(context, near, { base: 470, rise: 50, phase: number * 2.3 })
  context.fillStyle = sea
  context.fillRect(0, 540, width, height - 540)

  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
  return new File([blob], `postcard-${number}.png`, { type: 'image/png' })
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {{ base: number, rise: number, phase: number }} shape
 */
function hills(context, colour, { base, rise, phase }) {
  const { width, height } = context.canvas
  context.fillStyle = colour
  context.beginPath()
  context.moveTo(0, height)
  for (let x = 0; x <= width; x += 8) {
    const wave = Math.sin(x / 110 + phase) + 0.6 * Math.sin(x / 57 + 2 * phase)
    context.lineTo(x, base - rise * wave)
  }
  context.lineTo(width, height)
  context.fill()
}
