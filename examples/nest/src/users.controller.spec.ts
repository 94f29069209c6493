/** The controller alone, as `nest generate` tests it. */
import { Test } from '@nestjs/testing'
import { UsersController } from './users.controller'

describe('UsersController', () => {
  it('is created without the other modules of the app', async () => {
    const module = await Test.createTestingModule({ controllers: [UsersController] }).compile()
    expect(module.get(UsersController)).toBeInstanceOf(UsersController)
  })
})
