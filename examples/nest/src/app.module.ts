import { FormgateModule } from '@formgate/nest'
import { Module } from '@nestjs/common'
import { UsersController } from './users.controller'

@Module({
  imports: [FormgateModule.forRoot({ limits: { textSize: 64 * 1024 } })],
  controllers: [UsersController],
})
export class AppModule {}
