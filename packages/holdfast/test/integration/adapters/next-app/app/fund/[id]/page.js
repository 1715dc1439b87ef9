import { fund } from '../../../lib/fund.mjs'

export const revalidate = 3600
export const generateStaticParams = () => [{ id: '1' }]

export default async function Page({ params }) {
  const { units, call } = await fund((await params).id)
  return <p>{`units ${units}, call ${call}, render ${Math.random()}.`}</p>
}
