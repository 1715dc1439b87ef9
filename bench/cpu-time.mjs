// CPU time of processes, from Linux's scheduler: to the nanosecond, where `ps` counts ticks.
import { readdirSync, readFileSync } from 'node:fs'

/** CPU time of all threads of a process so far, in us. */
export function cpuUsOf(pid) {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).reduce((sum, task) => sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000, 0)
}

/** The same of a process and its children that are there now: a PostgreSQL whose connections stay. */
export function cpuUsOfFamily(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [String(pid), ...children].reduce((sum, each) => sum + cpuUsOf(each), 0)
}
