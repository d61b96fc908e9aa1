import argparse, asyncio, collections, sys, time
from tests.outside import answer, cut, translation
from tests.outside.exchange import exchanges, folder
from tests.outside.house import open_house, LANES

async def main(only,which):
    cases=[e for e in exchanges(folder()) if only in e.name]
    out=[]
    async with open_house() as house:
        t=time.time()
        q=asyncio.Queue()
        for e in cases: q.put_nowait(e)
        async def worker():
            while not q.empty():
                e=q.get_nowait()
                try:
                    for m in (answer,cut,translation):
                        if which in m.__name__:
                            async for o in m.run(house,e): out.append(o)
                except Exception as x:
                    out.append(answer.Outcome("HARNESS",e.name,e.family,__import__("traceback").format_exc()[-400:]))
        await asyncio.gather(*(worker() for _ in range(8)))
        print("took",time.time()-t,file=sys.stderr)
    c=collections.Counter(); bad=collections.Counter()
    for o in out:
        c[o.check]+=1; bad[o.check]+=bool(o.difference)
    for k in sorted(c): print(k,c[k],bad[k],f"{100-100*bad[k]/c[k]:.2f}")
    for o in sorted(out,key=lambda o:(o.check,o.exchange)):
        if o.difference: print(o.check,o.exchange,o.difference)
asyncio.run(main(*(sys.argv[1:]+["",""])[:2]))
