import { expect, it } from 'vitest'
import { mountPath } from '../../web/src/mount.ts'

it.each([
  ['http://127.0.0.1:4747/assets/index-Bx2f9aQ1.js', '/'],
  ['https://ops.example/holdfast/assets/index-Bx2f9aQ1.js', '/holdfast/'],
  ['https://ops.example/assets/console/assets/index-Bx2f9aQ1.js', '/assets/console/'],
])('finds the mount of %s', (scriptUrl, mount) => {
  expect(mountPath(scriptUrl)).toBe(mount)
})
