import { projectFiles, readProjectFile } from './workspace.mjs'

const LIMIT = 400

/** Source files longer than the limit; what a program has written is not meant. */
export function checkFileLength() {
  return projectFiles(path => /\.(ts|tsx|mjs|css|sql)$/.test(path) && !path.includes('/prisma-client/'))
    .map(path => [path, readProjectFile(path).split('\n').length])
    .filter(([, lines]) => lines > LIMIT)
    .map(([path, lines]) => `${path} has ${lines} lines, the limit is ${LIMIT}: split it by idea`)
}
