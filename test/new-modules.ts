/**
 * Runs before each test file. Files share a process, since to start one and to load its dependencies takes half a second
 * of processor time. Each still has modules of its own, with their state and their hooks.
 */
import { vi } from 'vitest'

vi.resetModules()
