import { openPglite } from '#adapters/postgres/pglite.ts'
import { openPostgres } from '#adapters/postgres/postgres.ts'
import fs from 'node:fs'
const rss=()=>Math.round(process.memoryUsage.rss()/1e6)
const peak=()=>Math.round(+/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status','utf8'))![1]!/1e3)
console.log('base',rss())
const t=performance.now()
const c0=process.cpuUsage()
const sink = process.argv[2]!.startsWith('postgres') ? await openPostgres(process.argv[2]!) : await openPglite(process.argv[2]!)
const cpu=()=>{const c=process.cpuUsage(c0); return (c.user+c.system)/1000}
console.log('open', Math.round(performance.now()-t), 'cpu', cpu(), 'rss', rss(), peak())
await sink.prepare([{name:'gold_x', fields:[{name:'primary_type',column:{kind:'string',nullable:false}},{name:'window_end',column:{kind:'timestamp',nullable:false}},{name:'n',column:{kind:'long',nullable:false}},{name:'avg',column:{kind:'double',nullable:true}},{name:'revision',column:{kind:'int',nullable:false}}], primaryKey:['primary_type','window_end']}])
const rows=(from:number,n:number)=>Array.from({length:n},(_,i)=>['KEY'+((from+i)%280), 1e12+(from+i)*60000, i, i/7, 1])
const f0=(await sink.fence('a')) ?? 0
console.log('fence', f0)
for (const size of [1000, 10000, 50000]) {
  const t1=performance.now(); let n=0; const c=cpu()
  for (let i=0;i<(size===1000?40:4);i++) { n+=size; await sink.apply('a', f0+size*100+i+1, [{table:'gold_x', upserts: rows(f0*1000+n+size*1000, size), deletes: []}]) }
  console.log('size',size,'rows/s', Math.round(n/((performance.now()-t1)/1000)), 'cpu/row us', ((cpu()-c)*1000/n).toFixed(1), 'rss', rss(), peak())
}
const t2=performance.now(); await sink.close(); console.log('close', Math.round(performance.now()-t2))
