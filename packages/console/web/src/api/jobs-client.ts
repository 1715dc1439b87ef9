import type {
  JobAnswer,
  JobSchedulesAnswer,
  JobsChangeAnswer,
  JobsCountAnswer,
  JobsListAnswer,
  JobsMetricsAnswer,
} from '../../../src/api/jobs-contract.ts'
import { request } from './client.ts'

const JOBS = 'v1/performance/jobs'

/** Fields of a search, as they stand in the address of the page and of the API. */
export const SEARCH_FIELDS = ['name', 'id', 'text', 'tenant', 'failure', 'reason'] as const
export type JobSearch = Readonly<Partial<Record<(typeof SEARCH_FIELDS)[number], string>>>

/** All queues; names, series and depth of one of them, or of all. */
export function fetchJobs(windowSec: number, queue: string | null, signal: AbortSignal): Promise<JobsMetricsAnswer> {
  return request(`${JOBS}/metrics?${query({ window: String(windowSec), queue })}`, { signal })
}

/** Jobs of one state. */
export function fetchJobList(queue: string, state: string, search: JobSearch, cursor: string | null, signal: AbortSignal): Promise<JobsListAnswer> {
  return request(`${ofQueue(queue)}/jobs?${query({ state, cursor, ...search })}`, { signal })
}

/** How many jobs of a state a search holds. */
export function fetchJobCount(queue: string, state: string, search: JobSearch, signal: AbortSignal): Promise<JobsCountAnswer> {
  return request(`${ofQueue(queue)}/count?${query({ state, ...search })}`, { signal })
}

/** One job. */
export function fetchJob(queue: string, id: string, signal: AbortSignal): Promise<JobAnswer> {
  return request(`${ofQueue(queue)}/jobs/${encodeURIComponent(id)}`, { signal })
}

/** Schedules of one queue, or of all. */
export function fetchSchedules(queue: string | null, signal: AbortSignal): Promise<JobSchedulesAnswer> {
  return request(`${JOBS}/schedules?${query({ queue })}`, { signal })
}

/** Changes a queue: `what` is the last part of the address. */
export function postJobs(queue: string, what: string, body: object): Promise<JobsChangeAnswer> {
  return post(`${ofQueue(queue)}/${what}`, body)
}

/** Makes a schedule, or changes it. */
export function postSchedule(body: object): Promise<JobsChangeAnswer> {
  return post(`${JOBS}/schedule`, body)
}

function post(path: string, body: object): Promise<JobsChangeAnswer> {
  const headers = { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }
  return request(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

function ofQueue(queue: string): string {
  return `${JOBS}/${encodeURIComponent(queue)}`
}

function query(values: Readonly<Record<string, string | null | undefined>>): string {
  return new URLSearchParams(Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : []))).toString()
}
