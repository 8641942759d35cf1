import sys,tempfile,time,pathlib

from tests.local import service
folder=pathlib.Path(tempfile.mkdtemp())
(folder/"ws.toml").write_text('''
[[workspaces]]
name = "Sales EMEA"
[[workspaces.lakehouses]]
name = "Bronze"
folder = "bronze"
[[workspaces.lakehouses]]
name = "Silver"
folder = "silver"
schemas = true
[[workspaces]]
name = "Finance"
[[workspaces.lakehouses]]
name = "Gold"
folder = "gold"
schemas = true
''')
t=time.time()
process, api = service.start(None,"--workspaces",str(folder/"ws.toml"),"--token",service.TOKEN)
try:
    s=api.start_session(); s.wait_for("idle"); print("idle",time.time()-t, s.view()["tags"])
    code=sys.stdin.read()
    for cell in code.split("\n---\n"):
        t=time.time()
        kind="sql" if cell.startswith("%%sql") else "pyspark"
        o=s.output(cell.replace("%%sql\n",""),kind)
        print(">>>",cell); 
        print("   ", (o.get("data",{}).get("text/plain") or o.get("data",{}).get("application/json",{}).get("data") if o["status"]=="ok" else o["ename"]+": "+o["evalue"][:600]), f"[{time.time()-t:.2f}]", "" if o["status"]=="ok" or len(sys.argv)<2 else "\n".join(o["traceback"])[:3000])
    log=api.get(s.path+"/logs") if False else None
    for l in (folder/"x").parent.glob("**/*"):
        pass
    if o["status"]=="dead": pass
finally:
    try: print([l for l in api.get(s.path).json().get("log",[])][-5:])
    except Exception as e: print(e)
    service.close(process)
import subprocess; print(subprocess.run(f"find {folder} -type d | grep -v part | sort; find {folder} -name '*.json' -path '*.catalog*'",shell=True,capture_output=True,text=True).stdout)
