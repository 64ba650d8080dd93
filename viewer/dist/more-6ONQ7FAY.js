import{a as b,b as a,c as E,e as c,f as g,g as y,h as B,k as F,m as U,q as D,r as O,u as H}from"./chunk-RSHROJSB.js";var N=D(class extends O{constructor(){super(...arguments),this.key=c}render(n,t){return this.key=n,t}update(n,[t,e]){return t!==this.key&&(H(n),this.key=t),e}});function _(n){if(!I(n))return null;let t=Object.entries(n);return t.length===0||!t.every(([,e])=>ct(e))?null:t.map(([e,r])=>({field:e,...r}))}function ct(n){let t=I(n)?Object.keys(n):[];return t.length>0&&t.every(e=>e==="from"||e==="to")}function I(n){return typeof n=="object"&&n!==null&&!Array.isArray(n)}function q(n,t){let e=[...n],r=[...t],i=Math.min(e.length,r.length),s=0;for(;s<i&&e[s]===r[s];)s+=1;let o=0;for(;o<i-s&&e.at(-1-o)===r.at(-1-o);)o+=1;let l=(u,d,m)=>u.slice(d,m).join("");return{start:l(e,0,s),from:l(e,s,e.length-o),to:l(r,s,r.length-o),end:l(e,e.length-o,e.length)}}var V=":host{background:var(--al-bg);color:var(--al-fg);display:block;line-height:1.45}section[aria-labelledby]{block-size:100%;display:flex;flex-direction:column}header,footer{align-items:center;display:flex;flex-wrap:wrap;gap:.5rem .75rem;padding:.5rem 1rem}header{border-block-end:1px solid var(--al-line);justify-content:space-between;padding-inline-end:.5rem}footer{border-block-start:1px solid var(--al-line)}.body{flex:1;min-block-size:0;overflow:auto;overflow-wrap:anywhere;overscroll-behavior:contain}h2{font-size:1.2em;font-weight:600;line-height:1.4;margin:.875rem 1rem 0}h3{color:var(--al-fg-muted);font-size:.86em;font-weight:600;margin:0 0 .5rem}dl,.part{margin:0;padding:.875rem 1rem}.part{border-block-start:1px solid var(--al-line)}dl,dl>div{display:grid;gap:.5rem}dl>div{align-items:baseline;grid-template-columns:5.5rem 1fr}dt{color:var(--al-fg-muted)}dd{margin:0;min-inline-size:0}h2:focus{outline:none}.close{background:none;border-color:transparent;padding:0;inline-size:32px}svg{display:block;fill:none;inline-size:16px;margin:auto;stroke:currentcolor;stroke-linecap:round;stroke-width:1.5}.filter{border-radius:99px;max-inline-size:100%;min-block-size:24px;overflow-wrap:anywhere;padding-block:0}a{color:var(--al-accent)}img,.initial{block-size:24px;border-radius:50%;inline-size:24px;margin-inline-end:.25rem;object-fit:cover;vertical-align:middle}.initial{background:var(--al-bg-raised);box-shadow:inset 0 0 0 1px var(--al-line);color:var(--al-fg-muted);display:inline-block;font-size:.86em;font-weight:600;line-height:24px;text-align:center}.muted,.utc,.array{color:var(--al-fg-muted)}.utc,table,.tree{font:.93em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}.utc{display:block;font-size:.86em}thead{font-family:system-ui,sans-serif}time{unicode-bidi:plaintext}bdi{white-space:pre-wrap}.hidden{border:1px solid;border-radius:3px;color:var(--al-danger);font-size:.85em;padding:0 .25em;white-space:nowrap}ul{list-style:none;margin:0;padding:0}li{padding-block:.125rem}details ul{border-inline-start:1px solid var(--al-line);margin-inline-start:.3125rem;padding-inline-start:.75rem}details .deep{margin:0;padding-inline-start:.125rem}details .rest{border:0;margin:0;padding:0}summary{cursor:pointer;min-block-size:1.5rem}.key,th{font-weight:600}.key.array{font-weight:400}.number,.rounded,.boolean,.null,.empty{color:var(--al-accent)}table{border-collapse:collapse;inline-size:100%;table-layout:fixed}th,td{border:1px solid var(--al-line);padding:.25rem .5rem;text-align:start;vertical-align:top}th:first-child{inline-size:32%}thead th{color:var(--al-fg-muted);font-size:.93em}.from,.to{background:color-mix(in srgb,var(--side) 9%,transparent);padding-inline-start:1.5rem;position:relative}.from{--side: var(--al-removed)}.to{--side: var(--al-added)}.sign{color:var(--side);font-weight:600;inset-inline-start:.5rem;position:absolute;user-select:none}mark{background:color-mix(in srgb,var(--side) 25%,transparent);border-radius:2px;color:inherit}@media(pointer:coarse){button{min-block-size:44px}.close{inline-size:44px}.filter,li summary{align-content:center;min-block-size:32px}}@media(forced-colors:active){mark{background:none;text-decoration:underline}}";var W=/((?![\t\n\r\u200c\u200d\u0600-\u0605\u06dd])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u;function K(n){return n.split(W).map((t,e)=>({text:e%2?dt(t):t,hidden:e%2>0})).filter(({text:t})=>t)}function dt(n){return`U+${n.codePointAt(0)?.toString(16).toUpperCase().padStart(4,"0")}`}function S(n){if(!n||/[\s\\]/.test(n)||W.test(n)||!URL.canParse(n))return null;let{protocol:t,username:e,password:r,href:i}=new URL(n);return t==="https:"&&!e&&!r?i:null}function G(n){return/[\p{L}\p{N}]/u.exec(n)?.[0].toUpperCase()??"?"}function v(n,t=0){if(typeof n!="object"||n===null)return pt(n);let e=Object.entries(n),r=Array.isArray(n)?"array":"object";return e.length===0?{kind:"empty",text:r==="array"?"[]":"{}"}:{kind:r,count:e.length,isOpen:t<2,shown:e.slice(0,20),rest:e.slice(20)}}function pt(n){return typeof n=="string"?{kind:"string",text:n}:typeof n=="bigint"?{kind:"number",text:String(n)}:typeof n=="number"?{kind:Math.abs(n)>Number.MAX_SAFE_INTEGER?"rounded":"number",text:String(n)}:{kind:typeof n=="boolean"?"boolean":"null",text:String(n)}}var C=class extends g{static properties={entry:{attribute:!1},more:{attribute:!1},href:{},texts:{attribute:!1},dates:{attribute:!1},copied:{state:!0},broken:{state:!0}};static styles=[y,b(V)];constructor(){super(),this.entry=null,this.more="loading",this.href="",this.copied=null,this.broken=null,this.addEventListener("keydown",t=>{t.key!=="Escape"||t.defaultPrevented||(t.preventDefault(),t.stopPropagation(),this.#m("close"))})}focus(){this.updateComplete.then(()=>this.renderRoot.querySelector("h2")?.focus())}willUpdate(t){t.has("entry")&&t.get("entry")?.id!==this.entry?.id&&(this.copied=null)}render(){let{entry:t}=this;return t?a`${N(t.id,this.#t(t))}`:c}#t(t){let{texts:e}=this,r=typeof this.more=="object"&&this.more.id===t.id?this.more:null,{metadata:i}=r??t,{changes:s,...o}=i??{},l=_(s),u=`${e("entry")} ${t.id}`,d=v(l?o:i);return a`
      <section aria-labelledby="title">
        <header>
          ${this.href?a`<a href=${this.href} title=${e("entryLink")}>${u}</a>`:p(u)}
          <button class="close" aria-label=${e("close")} title=${e("close")} @click=${()=>this.#m("close")}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 3.5l9 9m0-9l-9 9" /></svg>
          </button>
        </header>
        <div class="body">
          <h2 id="title" tabindex="-1">${h(t.description||ht(t))}</h2>
          <dl>
            ${f(e("who"),this.#n(t))} ${f(e("what"),this.#e(t))}
            ${f(e("when"),this.#r(t.createdAt))}
            ${r?.occurredAt?f(e("occurred"),this.#r(r.occurredAt)):c}
            ${t.projectId===null?c:f(e("where"),this.#o(t))}
            ${f(e("address"),this.#a(r,"ipAddress"))}
            ${f(e("agent"),this.#a(r,"userAgent"))}
          </dl>
          ${l?R(e("changes"),this.#f(l)):c}
          ${"count"in d?R(e("metadata"),this.#b(d,0,!0)):c}
          ${r?.altered?R(e("altered"),this.#p(r.altered)):c}
        </div>
        <footer>
          <button part="button" @click=${()=>this.#m("context")}>${e("context")}</button>
          ${this.href?a`<button part="button" @click=${this.#x}>${e(this.copied?"copied":"copyLink")}</button>`:c}
          <span aria-live="polite" class=${this.copied?"unseen":""}>
            ${this.copied===null?c:e(this.copied?"copied":"notCopied")}
          </span>
        </footer>
      </section>
    `}#n({user:t,userId:e}){if(!t)return this.#u(e);let r=S(t.profileImage),i=r&&r!==this.broken?a`<img src=${r} alt="" referrerpolicy="no-referrer" @error=${()=>this.broken=r} />`:a`<span class="initial" aria-hidden="true">${G(t.name)}</span>`;return a`${i} ${h(t.name)} ${this.#i(e)}`}#e({action:t,resourceType:e,resourceId:r}){return a`${this.#l(t,{action:t})}
    ${e?this.#l(e,{resourceType:e}):c}
    ${r===null?c:this.#i(r)}`}#r(t){return a`<time datetime=${t}>${this.dates.full(t)}</time> <span class="utc">${t}</span>`}#o({project:t,projectId:e,environment:r,environmentId:i}){let s=t&&{projectSlug:t.slug};return a`${this.#s(t,e,s)}
    ${i===null?c:a`${p("/")}
          ${this.#s(r,i,s&&r&&{...s,environmentSlug:r.slug})}`}`}#s(t,e,r){return t?r?this.#l(t.name,r):h(t.name):this.#u(e)}#a(t,e){if(!t)return p(this.texts(this.more==="failed"?"notLoaded":"loading"));let r=t[e];return r?h(r):p(this.texts("notRecorded"))}#i(t){return p(this.texts("id",{id:String(t)}))}#u(t){return a`${this.#i(t)} ${p(`(${this.texts("deleted")})`)}`}#l(t,e){return a`<button class="filter" title=${this.texts("filterBy")} @click=${()=>this.#m("filter",e)}>
      ${h(t)}
    </button>`}#f(t){let{texts:e}=this;return a`<table>
      <thead>
        <tr><th scope="col">${e("field")}</th><th scope="col">${e("value")}</th></tr>
      </thead>
      ${t.map(r=>{let i=["from","to"].filter(s=>Object.hasOwn(r,s));return a`<tbody>
          ${i.map((s,o)=>a`<tr>
              ${o?c:a`<th scope="rowgroup" rowspan=${i.length}>${h(r.field)}</th>`}
              <td class=${s}>
                <span class="sign" aria-hidden="true">${s==="from"?"−":"+"}</span>
                <span class="unseen">${e(s==="from"?"old":"new")}</span>
                ${this.#d(r,s)}
              </td>
            </tr>`)}
        </tbody>`})}
    </table>`}#d(t,e){let{from:r,to:i}=t;if(typeof r!="string"||typeof i!="string")return this.#h(t[e]);let{start:s,end:o,...l}=q(r,i);return Q(a`${x(s)}<mark>${x(l[e])}</mark>${x(o)}`)}#p(t){let{texts:e}=this;return a`<table>
      <thead>
        <tr><th scope="col">${e("field")}</th><th scope="col">${e("came")}</th></tr>
      </thead>
      <tbody>
        ${Object.entries(t).map(([r,i])=>a`<tr>
            <th scope="row">${h(r)}</th>
            <td>${i===null?p(e("tooLong")):h(i)}</td>
          </tr>`)}
      </tbody>
    </table>`}#h(t){let e=v(t,1);return"text"in e?this.#g(e):this.#c(e,1)}#c(t,e,r){return a`<details ?open=${t.isOpen}>
      <summary>
        ${r??c}${p(this.texts("members",{count:t.count}))}
      </summary>
      ${this.#b(t,e)}
    </details>`}#b({kind:t,shown:e,rest:r},i,s=!1){let o=l=>l.map(u=>this.#y(u,t,i+1));return a`<ul role="list" class=${s?"tree":i>8?"deep":""}>
      ${o(e)}
      ${r.length?a`<li>
            <details>
              <summary class="muted">${this.texts("moreMembers",{count:r.length})}</summary>
              <ul role="list" class="rest">
                ${o(r)}
              </ul>
            </details>
          </li>`:c}
    </ul>`}#y([t,e],r,i){let s=v(e,i),o=a`<span class="key ${r}">${h(t)}</span>: `;return a`<li>${"text"in s?a`${o}${this.#g(s)}`:this.#c(s,i,o)}</li>`}#g({kind:t,text:e}){if(t==="string"){let i=S(e);return Q(i?a`<a href=${i} target="_blank" rel="noopener noreferrer">${x(e)}</a>`:x(e))}let r=a`<span class=${t}>${e}</span>`;return t==="rounded"?a`≈ ${r} ${p(this.texts("rounded"))}`:r}async#x(){let t=new URL(this.href,document.baseURI).href;this.copied=null;try{await navigator.clipboard.writeText(t),this.copied=!0}catch{this.copied=!1}}#m(t,e){this.dispatchEvent(new CustomEvent(t,{detail:e,bubbles:!0,composed:!0}))}};function f(n,t){return a`<div><dt>${n}</dt><dd>${t}</dd></div>`}function R(n,t){return a`<section class="part"><h3>${n}</h3>${t}</section>`}function p(n){return a`<span class="muted">${n}</span>`}function ht({action:n,resourceType:t}){return t?`${n} ${t}`:n}function h(n){return a`<bdi>${x(n)}</bdi>`}function Q(n){return a`${p('"')}<bdi>${n}</bdi>${p('"')}`}function x(n){return K(n).map(({text:t,hidden:e})=>e?a`<span class="hidden">${t}</span>`:t)}customElements.define("activity-log-details",C);function Y(n){let t=0;for(let e=n.indexOf(10);e>=0;e=n.indexOf(10,e+1))t+=1;return t}function Z(n){let t=0,e=!1;for(let r of n)r===34?e=!e:r===10&&!e&&(t+=1);return t}function X(n){return n.subarray(n.indexOf(10)+1)}function J(n){return/^<\?(?:[^<>\s]+&)?cursor=([\w-]+)>; rel="next"$/.exec(n??"")?.[1]??null}var tt=":host{align-items:center;display:inline-flex;flex-wrap:wrap;gap:.25rem .5rem;position:relative}button{align-items:center;display:inline-flex;gap:.4em}svg{fill:none;inline-size:16px;stroke:currentcolor;stroke-linecap:round;stroke-linejoin:round;stroke-width:1.5}[popover]{background:var(--al-bg-raised);border:1px solid var(--al-line);border-radius:8px;box-shadow:0 4px 16px #0000002e;inset:auto;margin:0;padding:.25rem}[popover] button{background:none;border-color:transparent;display:flex;inline-size:100%}[popover] button:hover{background:color-mix(in srgb,var(--al-accent) 14%,transparent)}b{font-weight:500;min-inline-size:4.5rem;text-align:start}[aria-live]{order:-1}button:disabled{cursor:default;opacity:.5}small,.text{color:var(--al-fg-muted)}progress{accent-color:var(--al-accent);inline-size:6rem}.text{font-variant-numeric:tabular-nums}.failed,.incomplete,.rewritten{color:var(--al-danger)}";var $={csv:"text/csv",ndjson:"application/x-ndjson"},ft="1000",bt=5;async function*et(n,t,e,r){let i=new URLSearchParams(t);i.set("include","client"),i.set("limit",ft);let s,o;do{let{headers:l,page:u}=await gt(n,i,e,r),d=s===void 0;s??=Number(l.get("x-total-count")??NaN);let m=e==="csv"?Z(u)-1:Y(u);yield{bytes:e==="csv"&&!d?X(u):u,count:m,total:s},o=J(l.get("link")),o&&i.set("cursor",o)}while(o)}async function gt(n,t,e,r){for(let i=1;;i+=1){let s=await n.request(t,{accept:$[e],signal:r});try{return{headers:s.headers,page:new Uint8Array(await s.arrayBuffer())}}catch(o){if(r.throwIfAborted(),i===bt)throw o}}}var xt=5e3,T=class extends g{static properties={client:{attribute:!1},query:{attribute:!1},texts:{attribute:!1},dates:{attribute:!1},status:{state:!0}};static styles=[y,b(tt)];#t=null;#n={text:"",at:0};constructor(){super(),this.status=null}disconnectedCallback(){super.disconnectedCallback(),this.#t?.abort()}willUpdate(t){t.has("query")&&this.status?.kind!=="running"&&(this.status=null)}render(){let{texts:t,status:e}=this,r=e?.kind==="running",i=e?this.#r(e):"";return a`
      ${r?a`<progress aria-label=${t("download")} max=${e.total||1} .value=${e.done}></progress>
            <span class="text" aria-hidden="true">${i}</span>
            <button id="cancel" part="button" @click=${()=>this.#t?.abort()}>${t("cancel")}</button>`:a`<button id="open" part="button download" popovertarget="menu" ?disabled=${!this.client}>
              <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2v8M4.5 7 8 10.5 11.5 7m-9 6.5h11" /></svg>
              ${t("download")}
            </button>
            <div id="menu" popover @beforetoggle=${s=>F(s,"end")}>
              ${this.#e("csv","CSV")} ${this.#e("ndjson","NDJSON")}
            </div>`}
      <span aria-live="polite" class=${r?"unseen":`text ${e?.kind??""}`}>
        ${r?this.#o(i):i}
      </span>
    `}#e(t,e){return a`<button ?autofocus=${t==="csv"} @click=${()=>this.#s(t)}>
      <b>${e}</b> <small>${this.texts(t)}</small>
    </button>`}#r(t){let{texts:e,dates:r}=this;switch(t.kind){case"running":case"incomplete":{let i={done:r.number(t.done),total:r.number(t.total)};return t.kind==="incomplete"?e("incomplete",i):t.total?e("progress",i):e("loading")}case"downloaded":return e("downloaded",{count:t.done});case"cancelled":return e("cancelled");case"rewritten":return e("downloadRewritten");case"failed":return e("downloadFailed",{message:t.message})}}#o(t){return Date.now()-this.#n.at>xt&&(this.#n={text:t,at:Date.now()}),this.#n.text}async#s(t){this.renderRoot.querySelector("#menu")?.hidePopover();let{client:e}=this;if(!e)return;let r=U(this.query),i=new Date().toISOString().slice(0,19).replaceAll(":",""),s=await $t(`activities-${i}Z.${t}`,t);if(!s)return;let o=new AbortController;this.isConnected||o.abort(),this.#t=o;let l=et(e,r,t,o.signal),u=await this.#a(s,l,t,o.signal).catch(d=>vt(d,o.signal));u.kind!=="downloaded"&&await s.abort().catch(()=>{}),await this.#i(u)}async#a(t,e,r,i){let s=0,o=0;this.#n={text:"",at:0},await this.#i({kind:"running",done:s,total:o}),r==="csv"&&await t.write("\uFEFF");for await(let l of e)await t.write(l.bytes),s+=l.count,o=l.total,this.status={kind:"running",done:s,total:o};return s!==o?{kind:"incomplete",done:s,total:o||0}:(i.throwIfAborted(),await t.close(),{kind:"downloaded",done:s})}async#i(t){let e=this.renderRoot,r=e.activeElement!==null;this.status=t,await this.updateComplete,r&&e.querySelector("#cancel, #open")?.focus()}};function vt(n,t){return t.aborted?{kind:"cancelled"}:n instanceof B&&n.status===409?{kind:"rewritten"}:{kind:"failed",message:n instanceof Error?n.message:String(n)}}async function $t(n,t){let{showSaveFilePicker:e}=window;if(!e)return rt(n,t);try{let r=await e({suggestedName:n,types:[{accept:{[$[t]]:[`.${t}`]}}]}),i=await r.createWritable();return{write:s=>i.write(s),close:()=>i.close(),async abort(){await i.abort(),(await r.getFile()).size===0&&await r.remove?.()}}}catch(r){return r instanceof Error&&r.name==="AbortError"?null:rt(n,t)}}function rt(n,t){let e=[];return{async write(r){e.push(new Blob([r]))},async close(){let r=document.createElement("a");r.href=URL.createObjectURL(new Blob(e,{type:$[t]})),r.download=n,r.click(),setTimeout(()=>URL.revokeObjectURL(r.href),6e4)},async abort(){e.length=0}}}customElements.define("activity-log-download",T);function it(n){let t=Date.parse(n?.from??""),e=Date.parse(n?.to??""),r=n?.counts??[];return e>t&&r.length>0?{from:t,to:e,counts:r}:null}function w({from:n,to:t,counts:{length:e}},r){let i=(t-n)%e;return n+r*((t-n-i)/e)+Math.floor(r*i/e)}function st(n,t){let e=n.counts.length-1,r=Math.floor((t-n.from)/(n.to-n.from)*(e+1));for(r=Math.min(Math.max(r,0),e);r<e&&w(n,r+1)<=t;)r+=1;for(;r>0&&w(n,r)>t;)r-=1;return r}function k(n,{anchor:t,head:e}){let r=Math.min(t,e),i=Math.max(t,e),s=n.counts.slice(r,i+1).reduce((o,l)=>o+l,0);return{first:r,last:i,since:w(n,r),until:w(n,i+1),count:s}}var nt=10;function ot(n,t,e,r){let i={ArrowUp:1,ArrowDown:-1,PageUp:nt,PageDown:-nt,Home:-1/0,End:1/0};if(!Object.hasOwn(i,t))return null;let s=Math.min(Math.max(n.head+(i[t]??0),0),r-1);return{anchor:e?n.anchor:s,head:s}}var at=":host{box-sizing:border-box;color:var(--al-fg-muted);display:flex;flex-direction:column;font-size:.8em;gap:.375rem;inline-size:104px;line-height:1.3;min-block-size:0;padding:8px 10px}.chart{border-inline-start:1px solid var(--al-line);cursor:crosshair;flex:1;min-block-size:4rem;position:relative;touch-action:none;user-select:none;-webkit-user-select:none}:focus-visible{outline-offset:3px}svg{block-size:100%;display:block;inline-size:100%;overflow:visible;position:absolute}.chart:dir(rtl) svg{transform:scaleX(-1)}.bars{fill:var(--al-fg-muted);opacity:.7}.chart:hover .bars{opacity:.9}[aria-busy=true] .bars{opacity:.3}.band,.choice{fill:var(--al-accent);opacity:.16}.choice{opacity:.3}.marker{stroke:var(--al-accent);stroke-width:2;vector-effect:non-scaling-stroke}.bubble{background:var(--al-bg-raised);border:1px solid var(--al-line);border-radius:6px;box-shadow:0 2px 8px #0000002e;color:var(--al-fg);font-size:1.1em;inset-inline-start:calc(100% + .75rem);padding:.25rem .5rem;pointer-events:none;position:absolute;transform:translateY(-50%);white-space:nowrap;z-index:2}.bubble[hidden]{display:none}button{color:var(--al-fg)}@media(forced-colors:active){.bars{fill:CanvasText;opacity:1}.band,.choice{fill:Highlight;opacity:.5}.marker{stroke:Highlight}}";var kt=3*864e5,A=class extends g{static properties={histogram:{attribute:!1},since:{},until:{},at:{attribute:!1},texts:{attribute:!1},dates:{attribute:!1},choice:{state:!0},hover:{state:!0}};static styles=[y,b(at)];#t=null;#n="";#e=!1;constructor(){super(),this.histogram=null,this.since="",this.until="",this.at=null,this.choice=null,this.hover=null}willUpdate(t){!t.has("histogram")||!this.histogram||(this.#t=it(this.histogram),this.#n=this.#t?Et(this.#t.counts):"",this.#e=!1,this.choice=null,this.hover=null)}render(){let{texts:t,dates:e,since:r,until:i}=this,s=this.#t;if(!s)return c;let{from:o,to:l,counts:u}=s,d=z=>l-o<kt?e.short(z):e.day(z),m=k(s,this.#r(s)),P=r?Date.parse(r):o,L=i?Date.parse(i):l,j=M(s,this.at??l);return a`
      <span class="edge">${d(l-1)}</span>
      <div
        class="chart"
        aria-busy=${!this.histogram}
        part="strip"
        role="slider"
        tabindex="0"
        aria-label=${t("density")}
        aria-description=${t("densityHint")}
        aria-orientation="vertical"
        aria-valuemin="0"
        aria-valuemax=${u.length-1}
        aria-valuenow=${this.#r(s).head}
        aria-valuetext=${this.#s(m)}
        @keydown=${this.#a}
        @blur=${()=>this.choice=null}
        @pointerdown=${this.#i}
        @pointermove=${this.#u}
        @pointerup=${this.#l}
        @pointercancel=${this.#f}
        @pointerleave=${()=>this.hover=null}
      >
        <svg viewBox="0 0 1 ${u.length}" preserveAspectRatio="none" aria-hidden="true">
          <path class="bars" d=${this.#n} />
          ${P>o||L<l?lt(s,"band",P,L):c}
          ${this.choice?lt(s,"choice",m.since,m.until):c}
          ${this.at===null?c:E`<line class="marker" x2="1" y1=${j} y2=${j} />`}
        </svg>
        <div class="bubble" aria-hidden="true" ?hidden=${!this.choice&&this.hover===null}>
          ${this.#s(this.#o(s))}
        </div>
      </div>
      <span class="edge">${d(o)}</span>
      ${r||i?a`<button part="button" @click=${this.#h}>${t("anyTime")}</button>`:c}
    `}updated(){let t=this.renderRoot.querySelector(".bubble"),e=this.#t;if(!t||!e)return;let{first:r,last:i}=this.#o(e);t.style.insetBlockStart=`${100-50*(r+i+1)/e.counts.length}%`}#r(t){let e=st(t,this.at??t.to);return this.choice??{anchor:e,head:e}}#o(t){let{hover:e}=this;return k(t,e===null?this.#r(t):{anchor:e,head:e})}#s({since:t,until:e,count:r}){let i=this.dates.range(t,Math.max(t,e-1));return this.texts("chosen",{range:i,count:r})}#a(t){let e=this.#t;if(!e||t.ctrlKey||t.metaKey||t.altKey)return;let r=ot(this.#r(e),t.key,t.shiftKey,e.counts.length);if(r)this.choice=r,this.hover=null;else if(t.key==="Enter"||t.key===" ")this.#p(e,this.#r(e));else if(t.key==="Escape"&&this.choice)this.choice=null;else if(t.key==="Escape"&&(this.since||this.until))this.#h();else return;t.preventDefault(),t.stopPropagation()}#i(t){let e=this.#d(t);t.button!==0||!t.isPrimary||e===null||(t.currentTarget.setPointerCapture(t.pointerId),this.#e=!0,this.hover=null,this.choice={anchor:e,head:e})}#u(t){let e=this.#d(t);e!==null&&(this.#e&&this.choice?this.choice={...this.choice,head:e}:this.hover=e)}#l(){this.#e&&this.#t&&this.choice&&this.#p(this.#t,this.choice),this.#e=!1}#f(){this.#e=!1,this.choice=null}#d({clientY:t,currentTarget:e}){let{top:r,height:i}=e.getBoundingClientRect(),s=this.#t?.counts.length??0;return s===0||i===0?null:s-1-Math.min(Math.max(Math.floor((t-r)/i*s),0),s-1)}#p(t,e){let{since:r,until:i}=k(t,e);i<=r||this.#c({since:new Date(r).toISOString(),until:new Date(i).toISOString()})}#h(){this.renderRoot.querySelector(".chart")?.focus(),this.#c({since:"",until:""})}#c(t){this.dispatchEvent(new CustomEvent("range",{detail:t,bubbles:!0,composed:!0}))}};function M({from:n,to:t,counts:{length:e}},r){return e*(t-Math.min(Math.max(r,n),t))/(t-n)}function lt(n,t,e,r){let i=M(n,r);return E`<rect class=${t} width="1" y=${i} height=${Math.max(0,M(n,e)-i)} />`}function Et(n){let t=Math.sqrt(Math.max(...n));return n.map((e,r)=>{let i=e?Math.max(Math.sqrt(e)/t,.06):0;return i?`M0 ${n.length-.9-r}h${i.toFixed(3)}v.8H0z`:""}).join("")}customElements.define("activity-log-strip",A);
/*! Bundled license information:

lit-html/directives/keyed.js:
  (**
   * @license
   * Copyright 2021 Google LLC
   * SPDX-License-Identifier: BSD-3-Clause
   *)
*/
