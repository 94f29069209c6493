import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'

/** Refuses requests without the token. Nothing of their bodies is stored. */
@Injectable()
export class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>()
    return headers.authorization === 'Bearer open'
  }
}
