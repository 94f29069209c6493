/** How @nestjs/swagger describes decorated routes. */
import { FormData, JSONParser, UseBody, UseForm, UseParsers } from '@formgate/nest'
import { Body, Controller, Param, Post, type INestApplication } from '@nestjs/common'
import { ApiBody, ApiParam, DocumentBuilder, SwaggerModule } from '@nestjs/swagger'
import * as valibot from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createApp, platforms } from './apps.js'

const Photo = z.object({
  title: z.string().min(3),
  tags: z.array(z.string()),
  image: z.file().max(1000).mime(['image/png', 'image/jpeg']),
})
const Note = z.object({ text: z.string() })

@Controller()
class Photos {
  @Post('photos/:album')
  @UseForm(Photo)
  @ApiParam({ name: 'album', description: 'Its number' })
  photo(@Param('album') album: string, @FormData() photo: unknown): unknown {
    return { album, photo }
  }

  @Post('notes')
  @UseForm(Note)
  note(@FormData() note: unknown): unknown {
    return note
  }

  @Post('body')
  @UseBody(Note)
  body(@FormData() note: unknown): unknown {
    return note
  }

  @Post('json')
  @UseBody(Note, { contentType: 'application/json' })
  json(@Body() note: unknown): unknown {
    return note
  }

  @Post('own')
  @UseForm(Note)
  @ApiBody({ description: 'Mine', schema: { type: 'object' } })
  own(): void {}

  @Post('parsers')
  @UseParsers([JSONParser])
  parsers(): void {}

  @Post('other')
  @UseForm(valibot.object({ text: valibot.string() }))
  other(): void {}
}

const documentOf = (app: INestApplication) =>
  SwaggerModule.createDocument(app, new DocumentBuilder().build()).paths
const note = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] }

describe.each(platforms)('the document of @nestjs/swagger on %s', (platform) => {
  test('has the form of a schema, with its files and their types', async () => {
    const { post } = documentOf(await createApp(platform, [Photos]))['/photos/{album}']!
    expect(post!.requestBody).toEqual({
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: {
              title: { type: 'string', minLength: 3 },
              tags: { type: 'array', items: { type: 'string' } },
              image: { type: 'string', format: 'binary' },
            },
            required: ['title', 'image'],
          },
          encoding: { image: { contentType: 'image/png, image/jpeg' } },
        },
      },
    })
    expect(post!.parameters).toMatchObject([{ name: 'album', in: 'path', description: 'Its number' }])
  })

  test.each([
    ['/notes', ['multipart/form-data', 'application/x-www-form-urlencoded']],
    ['/body', ['application/json', 'multipart/form-data']],
    ['/json', ['application/json']],
  ])('has the media types of %s', async (path, types) => {
    const { post } = documentOf(await createApp(platform, [Photos]))[path]!
    const content = Object.fromEntries(types.map((type) => [type, { schema: note }]))
    expect(post!.requestBody).toEqual({ required: true, content })
  })

  test('has what the app itself says in @ApiBody() below', async () => {
    const { post } = documentOf(await createApp(platform, [Photos]))['/own']!
    expect(post!.requestBody).toMatchObject({ description: 'Mine' })
  })

  test('has nothing of parsers, or of a schema of another library', async () => {
    const paths = documentOf(await createApp(platform, [Photos]))
    expect([paths['/parsers']!.post!.requestBody, paths['/other']!.post!.requestBody]).toEqual([
      undefined,
      undefined,
    ])
  })
})
