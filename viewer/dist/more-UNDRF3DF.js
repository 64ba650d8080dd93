import{a as b,b as a,c as E,e as c,f as g,g as y,h as B,k as F,m as U,q as D,r as O,u as H}from"./chunk-MR7R657S.js";var N=D(class extends O{constructor(){super(...arguments),this.key=c}render(n,e){return this.key=n,e}update(n,[e,t]){return e!==this.key&&(H(n),this.key=e),t}});function _(n){if(!I(n))return null;let e=Object.entries(n);return e.length===0||!e.every(([,t])=>ce(t))?null:e.map(([t,r])=>({field:t,...r}))}function ce(n){let e=I(n)?Object.keys(n):[];return e.length>0&&e.every(t=>t==="from"||t==="to")}function I(n){return typeof n=="object"&&n!==null&&!Array.isArray(n)}function q(n,e){let t=[...n],r=[...e],i=Math.min(t.length,r.length),s=0;for(;s<i&&t[s]===r[s];)s+=1;let o=0;for(;o<i-s&&t.at(-1-o)===r.at(-1-o);)o+=1;let l=(u,d,m)=>u.slice(d,m).join("");return{start:l(t,0,s),from:l(t,s,t.length-o),to:l(r,s,r.length-o),end:l(t,t.length-o,t.length)}}var V=":host{background:var(--al-bg);color:var(--al-fg);display:block;line-height:1.45}section[aria-labelledby]{block-size:100%;display:flex;flex-direction:column}header,footer{align-items:center;display:flex;flex-wrap:wrap;gap:.5rem .75rem;padding:.5rem 1rem}header{border-block-end:1px solid var(--al-line);justify-content:space-between;padding-inline-end:.5rem}footer{border-block-start:1px solid var(--al-line)}.body{flex:1;min-block-size:0;overflow:auto;overflow-wrap:anywhere;overscroll-behavior:contain}h2{font-size:1.2em;font-weight:600;line-height:1.4;margin:.875rem 1rem 0}h3{color:var(--al-fg-muted);font-size:.86em;font-weight:600;margin:0 0 .5rem}dl,.part{margin:0;padding:.875rem 1rem}.part{border-block-start:1px solid var(--al-line)}dl,dl>div{display:grid;gap:.5rem}dl>div{align-items:baseline;grid-template-columns:5.5rem 1fr}dt{color:var(--al-fg-muted)}dd{margin:0;min-inline-size:0}h2:focus{outline:none}.close{background:none;border-color:transparent;padding:0;inline-size:32px}svg{display:block;fill:none;inline-size:16px;margin:auto;stroke:currentcolor;stroke-linecap:round;stroke-width:1.5}.filter{border-radius:99px;max-inline-size:100%;min-block-size:24px;overflow-wrap:anywhere;padding-block:0}a{color:var(--al-accent)}img,.initial{block-size:24px;border-radius:50%;inline-size:24px;margin-inline-end:.25rem;object-fit:cover;vertical-align:middle}.initial{background:var(--al-bg-raised);box-shadow:inset 0 0 0 1px var(--al-line);color:var(--al-fg-muted);display:inline-block;font-size:.86em;font-weight:600;line-height:24px;text-align:center}.muted,.utc,.array{color:var(--al-fg-muted)}.utc,table,.tree{font:.93em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}.utc{display:block;font-size:.86em}thead{font-family:system-ui,sans-serif}time{unicode-bidi:plaintext}bdi{white-space:pre-wrap}.hidden{border:1px solid;border-radius:3px;color:var(--al-danger);font-size:.85em;padding:0 .25em;white-space:nowrap}ul{list-style:none;margin:0;padding:0}li{padding-block:.125rem}details ul{border-inline-start:1px solid var(--al-line);margin-inline-start:.3125rem;padding-inline-start:.75rem}details .deep{margin:0;padding-inline-start:.125rem}details .rest{border:0;margin:0;padding:0}summary{cursor:pointer;min-block-size:1.5rem}.key,th{font-weight:600}.key.array{font-weight:400}.number,.rounded,.boolean,.null,.empty{color:var(--al-accent)}table{border-collapse:collapse;inline-size:100%;table-layout:fixed}th,td{border:1px solid var(--al-line);padding:.25rem .5rem;text-align:start;vertical-align:top}th:first-child{inline-size:32%}thead th{color:var(--al-fg-muted);font-size:.93em}.from,.to{background:color-mix(in srgb,var(--side) 9%,transparent);padding-inline-start:1.5rem;position:relative}.from{--side: var(--al-removed)}.to{--side: var(--al-added)}.sign{color:var(--side);font-weight:600;inset-inline-start:.5rem;position:absolute;user-select:none}mark{background:color-mix(in srgb,var(--side) 25%,transparent);border-radius:2px;color:inherit}.unseen{block-size:1px;clip-path:inset(50%);inline-size:1px;overflow:hidden;position:absolute;white-space:nowrap}@media(pointer:coarse){button{min-block-size:44px}.close{inline-size:44px}.filter,li summary{align-content:center;min-block-size:32px}}@media(forced-colors:active){mark{background:none;text-decoration:underline}}";var W=/((?![\t\n\r\u200c\u200d\u0600-\u0605\u06dd])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u;function K(n){return n.split(W).map((e,t)=>({text:t%2?de(e):e,hidden:t%2>0})).filter(({text:e})=>e)}function de(n){return`U+${n.codePointAt(0)?.toString(16).toUpperCase().padStart(4,"0")}`}function S(n){if(!n||/[\s\\]/.test(n)||W.test(n)||!URL.canParse(n))return null;let{protocol:e,username:t,password:r,href:i}=new URL(n);return e==="https:"&&!t&&!r?i:null}function G(n){return/[\p{L}\p{N}]/u.exec(n)?.[0].toUpperCase()??"?"}function v(n,e=0){if(typeof n!="object"||n===null)return pe(n);let t=Object.entries(n),r=Array.isArray(n)?"array":"object";return t.length===0?{kind:"empty",text:r==="array"?"[]":"{}"}:{kind:r,count:t.length,isOpen:e<2,shown:t.slice(0,20),rest:t.slice(20)}}function pe(n){return typeof n=="string"?{kind:"string",text:n}:typeof n=="bigint"?{kind:"number",text:String(n)}:typeof n=="number"?{kind:Math.abs(n)>Number.MAX_SAFE_INTEGER?"rounded":"number",text:String(n)}:{kind:typeof n=="boolean"?"boolean":"null",text:String(n)}}var C=class extends g{static properties={entry:{attribute:!1},more:{attribute:!1},href:{},texts:{attribute:!1},dates:{attribute:!1},copied:{state:!0},broken:{state:!0}};static styles=[y,b(V)];constructor(){super(),this.entry=null,this.more="loading",this.href="",this.copied=null,this.broken=null,this.addEventListener("keydown",e=>{e.key!=="Escape"||e.defaultPrevented||(e.preventDefault(),e.stopPropagation(),this.#m("close"))})}focus(){this.updateComplete.then(()=>this.renderRoot.querySelector("h2")?.focus())}willUpdate(e){e.has("entry")&&e.get("entry")?.id!==this.entry?.id&&(this.copied=null)}render(){let{entry:e}=this;return e?a`${N(e.id,this.#e(e))}`:c}#e(e){let{texts:t}=this,r=typeof this.more=="object"&&this.more.id===e.id?this.more:null,{metadata:i}=r??e,{changes:s,...o}=i??{},l=_(s),u=`${t("entry")} ${e.id}`,d=v(l?o:i);return a`
      <section aria-labelledby="title">
        <header>
          ${this.href?a`<a href=${this.href} title=${t("entryLink")}>${u}</a>`:p(u)}
          <button class="close" aria-label=${t("close")} title=${t("close")} @click=${()=>this.#m("close")}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 3.5l9 9m0-9l-9 9" /></svg>
          </button>
        </header>
        <div class="body">
          <h2 id="title" tabindex="-1">${h(e.description||he(e))}</h2>
          <dl>
            ${f(t("who"),this.#n(e))} ${f(t("what"),this.#t(e))}
            ${f(t("when"),this.#r(e.createdAt))}
            ${r?.occurredAt?f(t("occurred"),this.#r(r.occurredAt)):c}
            ${e.projectId===null?c:f(t("where"),this.#o(e))}
            ${f(t("address"),this.#a(r,"ipAddress"))}
            ${f(t("agent"),this.#a(r,"userAgent"))}
          </dl>
          ${l?R(t("changes"),this.#f(l)):c}
          ${"count"in d?R(t("metadata"),this.#b(d,0,!0)):c}
          ${r?.altered?R(t("altered"),this.#p(r.altered)):c}
        </div>
        <footer>
          <button part="button" @click=${()=>this.#m("context")}>${t("context")}</button>
          ${this.href?a`<button part="button" @click=${this.#x}>${t(this.copied?"copied":"copyLink")}</button>`:c}
          <span aria-live="polite" class=${this.copied?"unseen":""}>
            ${this.copied===null?c:t(this.copied?"copied":"notCopied")}
          </span>
        </footer>
      </section>
    `}#n({user:e,userId:t}){if(!e)return this.#u(t);let r=S(e.profileImage),i=r&&r!==this.broken?a`<img src=${r} alt="" referrerpolicy="no-referrer" @error=${()=>this.broken=r} />`:a`<span class="initial" aria-hidden="true">${G(e.name)}</span>`;return a`${i} ${h(e.name)} ${this.#i(t)}`}#t({action:e,resourceType:t,resourceId:r}){return a`${this.#l(e,{action:e})}
    ${t?this.#l(t,{resourceType:t}):c}
    ${r===null?c:this.#i(r)}`}#r(e){return a`<time datetime=${e}>${this.dates.full(e)}</time> <span class="utc">${e}</span>`}#o({project:e,projectId:t,environment:r,environmentId:i}){let s=e&&{projectSlug:e.slug};return a`${this.#s(e,t,s)}
    ${i===null?c:a`${p("/")}
          ${this.#s(r,i,s&&r&&{...s,environmentSlug:r.slug})}`}`}#s(e,t,r){return e?r?this.#l(e.name,r):h(e.name):this.#u(t)}#a(e,t){if(!e)return p(this.texts(this.more==="failed"?"notLoaded":"loading"));let r=e[t];return r?h(r):p(this.texts("notRecorded"))}#i(e){return p(this.texts("id",{id:String(e)}))}#u(e){return a`${this.#i(e)} ${p(`(${this.texts("deleted")})`)}`}#l(e,t){return a`<button class="filter" title=${this.texts("filterBy")} @click=${()=>this.#m("filter",t)}>
      ${h(e)}
    </button>`}#f(e){let{texts:t}=this;return a`<table>
      <thead>
        <tr><th scope="col">${t("field")}</th><th scope="col">${t("value")}</th></tr>
      </thead>
      ${e.map(r=>{let i=["from","to"].filter(s=>Object.hasOwn(r,s));return a`<tbody>
          ${i.map((s,o)=>a`<tr>
              ${o?c:a`<th scope="rowgroup" rowspan=${i.length}>${h(r.field)}</th>`}
              <td class=${s}>
                <span class="sign" aria-hidden="true">${s==="from"?"−":"+"}</span>
                <span class="unseen">${t(s==="from"?"old":"new")}</span>
                ${this.#d(r,s)}
              </td>
            </tr>`)}
        </tbody>`})}
    </table>`}#d(e,t){let{from:r,to:i}=e;if(typeof r!="string"||typeof i!="string")return this.#h(e[t]);let{start:s,end:o,...l}=q(r,i);return Q(a`${x(s)}<mark>${x(l[t])}</mark>${x(o)}`)}#p(e){let{texts:t}=this;return a`<table>
      <thead>
        <tr><th scope="col">${t("field")}</th><th scope="col">${t("came")}</th></tr>
      </thead>
      <tbody>
        ${Object.entries(e).map(([r,i])=>a`<tr>
            <th scope="row">${h(r)}</th>
            <td>${i===null?p(t("tooLong")):h(i)}</td>
          </tr>`)}
      </tbody>
    </table>`}#h(e){let t=v(e,1);return"text"in t?this.#g(t):this.#c(t,1)}#c(e,t,r){return a`<details ?open=${e.isOpen}>
      <summary>
        ${r??c}${p(this.texts("members",{count:e.count}))}
      </summary>
      ${this.#b(e,t)}
    </details>`}#b({kind:e,shown:t,rest:r},i,s=!1){let o=l=>l.map(u=>this.#y(u,e,i+1));return a`<ul role="list" class=${s?"tree":i>8?"deep":""}>
      ${o(t)}
      ${r.length?a`<li>
            <details>
              <summary class="muted">${this.texts("moreMembers",{count:r.length})}</summary>
              <ul role="list" class="rest">
                ${o(r)}
              </ul>
            </details>
          </li>`:c}
    </ul>`}#y([e,t],r,i){let s=v(t,i),o=a`<span class="key ${r}">${h(e)}</span>: `;return a`<li>${"text"in s?a`${o}${this.#g(s)}`:this.#c(s,i,o)}</li>`}#g({kind:e,text:t}){if(e==="string"){let i=S(t);return Q(i?a`<a href=${i} target="_blank" rel="noopener noreferrer">${x(t)}</a>`:x(t))}let r=a`<span class=${e}>${t}</span>`;return e==="rounded"?a`≈ ${r} ${p(this.texts("rounded"))}`:r}async#x(){let e=new URL(this.href,document.baseURI).href;this.copied=null;try{await navigator.clipboard.writeText(e),this.copied=!0}catch{this.copied=!1}}#m(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t,bubbles:!0,composed:!0}))}};function f(n,e){return a`<div><dt>${n}</dt><dd>${e}</dd></div>`}function R(n,e){return a`<section class="part"><h3>${n}</h3>${e}</section>`}function p(n){return a`<span class="muted">${n}</span>`}function he({action:n,resourceType:e}){return e?`${n} ${e}`:n}function h(n){return a`<bdi>${x(n)}</bdi>`}function Q(n){return a`${p('"')}<bdi>${n}</bdi>${p('"')}`}function x(n){return K(n).map(({text:e,hidden:t})=>t?a`<span class="hidden">${e}</span>`:e)}customElements.define("activity-log-details",C);function Y(n){let e=0;for(let t=n.indexOf(10);t>=0;t=n.indexOf(10,t+1))e+=1;return e}function Z(n){let e=0,t=!1;for(let r of n)r===34?t=!t:r===10&&!t&&(e+=1);return e}function X(n){return n.subarray(n.indexOf(10)+1)}function J(n){return/^<\?(?:[^<>\s]+&)?cursor=([\w-]+)>; rel="next"$/.exec(n??"")?.[1]??null}var ee=":host{align-items:center;display:inline-flex;flex-wrap:wrap;gap:.25rem .5rem;position:relative}button{align-items:center;display:inline-flex;gap:.4em}svg{fill:none;inline-size:16px;stroke:currentcolor;stroke-linecap:round;stroke-linejoin:round;stroke-width:1.5}[popover]{background:var(--al-bg-raised);border:1px solid var(--al-line);border-radius:8px;box-shadow:0 4px 16px #0000002e;inset:auto;margin:0;padding:.25rem}[popover] button{background:none;border-color:transparent;display:flex;inline-size:100%}[popover] button:hover{background:color-mix(in srgb,var(--al-accent) 14%,transparent)}b{font-weight:500;min-inline-size:4.5rem;text-align:start}[aria-live]{order:-1}button:disabled{cursor:default;opacity:.5}small,.text{color:var(--al-fg-muted)}progress{accent-color:var(--al-accent);inline-size:6rem}.text{font-variant-numeric:tabular-nums}.failed,.incomplete,.rewritten{color:var(--al-danger)}";var w={csv:"text/csv",ndjson:"application/x-ndjson"},fe="1000",be=5;async function*te(n,e,t,r){let i=new URLSearchParams(e);i.set("include","client"),i.set("limit",fe);let s,o;do{let{headers:l,page:u}=await ge(n,i,t,r),d=s===void 0;s??=Number(l.get("x-total-count")??NaN);let m=t==="csv"?Z(u)-1:Y(u);yield{bytes:t==="csv"&&!d?X(u):u,count:m,total:s},o=J(l.get("link")),o&&i.set("cursor",o)}while(o)}async function ge(n,e,t,r){for(let i=1;;i+=1){let s=await n.request(e,{accept:w[t],signal:r});try{return{headers:s.headers,page:new Uint8Array(await s.arrayBuffer())}}catch(o){if(r.throwIfAborted(),i===be)throw o}}}var xe=5e3,T=class extends g{static properties={client:{attribute:!1},query:{attribute:!1},texts:{attribute:!1},dates:{attribute:!1},status:{state:!0}};static styles=[y,b(ee)];#e=null;#n={text:"",at:0};constructor(){super(),this.status=null}disconnectedCallback(){super.disconnectedCallback(),this.#e?.abort()}willUpdate(e){e.has("query")&&this.status?.kind!=="running"&&(this.status=null)}render(){let{texts:e,status:t}=this,r=t?.kind==="running",i=t?this.#r(t):"";return a`
      ${r?a`<progress aria-label=${e("download")} max=${t.total||1} .value=${t.done}></progress>
            <span class="text" aria-hidden="true">${i}</span>
            <button id="cancel" part="button" @click=${()=>this.#e?.abort()}>${e("cancel")}</button>`:a`<button id="open" part="button download" popovertarget="menu" ?disabled=${!this.client}>
              <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2v8M4.5 7 8 10.5 11.5 7m-9 6.5h11" /></svg>
              ${e("download")}
            </button>
            <div id="menu" popover @beforetoggle=${s=>F(s,"end")}>
              ${this.#t("csv","CSV")} ${this.#t("ndjson","NDJSON")}
            </div>`}
      <span aria-live="polite" class=${r?"unseen":`text ${t?.kind??""}`}>
        ${r?this.#o(i):i}
      </span>
    `}#t(e,t){return a`<button ?autofocus=${e==="csv"} @click=${()=>this.#s(e)}>
      <b>${t}</b> <small>${this.texts(e)}</small>
    </button>`}#r(e){let{texts:t,dates:r}=this;switch(e.kind){case"running":case"incomplete":{let i={done:r.number(e.done),total:r.number(e.total)};return e.kind==="incomplete"?t("incomplete",i):e.total?t("progress",i):t("loading")}case"downloaded":return t("downloaded",{count:e.done});case"cancelled":return t("cancelled");case"rewritten":return t("downloadRewritten");case"failed":return t("downloadFailed",{message:e.message})}}#o(e){return Date.now()-this.#n.at>xe&&(this.#n={text:e,at:Date.now()}),this.#n.text}async#s(e){this.renderRoot.querySelector("#menu")?.hidePopover();let{client:t}=this;if(!t)return;let r=U(this.query),i=new Date().toISOString().slice(0,19).replaceAll(":",""),s=await we(`activities-${i}Z.${e}`,e);if(!s)return;let o=new AbortController;this.isConnected||o.abort(),this.#e=o;let l=te(t,r,e,o.signal),u=await this.#a(s,l,e,o.signal).catch(d=>ve(d,o.signal));u.kind!=="downloaded"&&await s.abort().catch(()=>{}),await this.#i(u)}async#a(e,t,r,i){let s=0,o=0;this.#n={text:"",at:0},await this.#i({kind:"running",done:s,total:o}),r==="csv"&&await e.write("\uFEFF");for await(let l of t)await e.write(l.bytes),s+=l.count,o=l.total,this.status={kind:"running",done:s,total:o};return s!==o?{kind:"incomplete",done:s,total:o||0}:(i.throwIfAborted(),await e.close(),{kind:"downloaded",done:s})}async#i(e){let t=this.renderRoot,r=t.activeElement!==null;this.status=e,await this.updateComplete,r&&t.querySelector("#cancel, #open")?.focus()}};function ve(n,e){return e.aborted?{kind:"cancelled"}:n instanceof B&&n.status===409?{kind:"rewritten"}:{kind:"failed",message:n instanceof Error?n.message:String(n)}}async function we(n,e){let{showSaveFilePicker:t}=window;if(!t)return re(n,e);try{let r=await t({suggestedName:n,types:[{accept:{[w[e]]:[`.${e}`]}}]}),i=await r.createWritable();return{write:s=>i.write(s),close:()=>i.close(),async abort(){await i.abort(),(await r.getFile()).size===0&&await r.remove?.()}}}catch(r){return r instanceof Error&&r.name==="AbortError"?null:re(n,e)}}function re(n,e){let t=[];return{async write(r){t.push(new Blob([r]))},async close(){let r=document.createElement("a");r.href=URL.createObjectURL(new Blob(t,{type:w[e]})),r.download=n,r.click(),setTimeout(()=>URL.revokeObjectURL(r.href),6e4)},async abort(){t.length=0}}}customElements.define("activity-log-download",T);function ie(n){let e=Date.parse(n?.from??""),t=Date.parse(n?.to??""),r=n?.counts??[];return t>e&&r.length>0?{from:e,to:t,counts:r}:null}function $({from:n,to:e,counts:{length:t}},r){let i=(e-n)%t;return n+r*((e-n-i)/t)+Math.floor(r*i/t)}function se(n,e){let t=n.counts.length-1,r=Math.floor((e-n.from)/(n.to-n.from)*(t+1));for(r=Math.min(Math.max(r,0),t);r<t&&$(n,r+1)<=e;)r+=1;for(;r>0&&$(n,r)>e;)r-=1;return r}function k(n,{anchor:e,head:t}){let r=Math.min(e,t),i=Math.max(e,t),s=n.counts.slice(r,i+1).reduce((o,l)=>o+l,0);return{first:r,last:i,since:$(n,r),until:$(n,i+1),count:s}}var ne=10;function oe(n,e,t,r){let i={ArrowUp:1,ArrowDown:-1,PageUp:ne,PageDown:-ne,Home:-1/0,End:1/0};if(!Object.hasOwn(i,e))return null;let s=Math.min(Math.max(n.head+(i[e]??0),0),r-1);return{anchor:t?n.anchor:s,head:s}}var ae=":host{box-sizing:border-box;color:var(--al-fg-muted);display:flex;flex-direction:column;font-size:.8em;gap:.375rem;inline-size:104px;line-height:1.3;min-block-size:0;padding:8px 10px}.chart{border-inline-start:1px solid var(--al-line);cursor:crosshair;flex:1;min-block-size:4rem;position:relative;touch-action:none;user-select:none;-webkit-user-select:none}:focus-visible{outline-offset:3px}svg{block-size:100%;display:block;inline-size:100%;overflow:visible;position:absolute}.chart:dir(rtl) svg{transform:scaleX(-1)}.bars{fill:var(--al-fg-muted);opacity:.7}.chart:hover .bars{opacity:.9}[aria-busy=true] .bars{opacity:.3}.band,.choice{fill:var(--al-accent);opacity:.16}.choice{opacity:.3}.marker{stroke:var(--al-accent);stroke-width:2;vector-effect:non-scaling-stroke}.bubble{background:var(--al-bg-raised);border:1px solid var(--al-line);border-radius:6px;box-shadow:0 2px 8px #0000002e;color:var(--al-fg);font-size:1.1em;inset-inline-start:calc(100% + .75rem);padding:.25rem .5rem;pointer-events:none;position:absolute;transform:translateY(-50%);white-space:nowrap;z-index:2}.bubble[hidden]{display:none}button{color:var(--al-fg)}@media(forced-colors:active){.bars{fill:CanvasText;opacity:1}.band,.choice{fill:Highlight;opacity:.5}.marker{stroke:Highlight}}";var ke=3*864e5,A=class extends g{static properties={histogram:{attribute:!1},since:{},until:{},at:{attribute:!1},texts:{attribute:!1},dates:{attribute:!1},choice:{state:!0},hover:{state:!0}};static styles=[y,b(ae)];#e=null;#n="";#t=!1;constructor(){super(),this.histogram=null,this.since="",this.until="",this.at=null,this.choice=null,this.hover=null}willUpdate(e){!e.has("histogram")||!this.histogram||(this.#e=ie(this.histogram),this.#n=this.#e?Ee(this.#e.counts):"",this.#t=!1,this.choice=null,this.hover=null)}render(){let{texts:e,dates:t,since:r,until:i}=this,s=this.#e;if(!s)return c;let{from:o,to:l,counts:u}=s,d=j=>l-o<ke?t.short(j):t.day(j),m=k(s,this.#r(s)),P=r?Date.parse(r):o,L=i?Date.parse(i):l,z=M(s,this.at??l);return a`
      <span class="edge">${d(l-1)}</span>
      <div
        class="chart"
        aria-busy=${!this.histogram}
        part="strip"
        role="slider"
        tabindex="0"
        aria-label=${e("density")}
        aria-description=${e("densityHint")}
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
          ${P>o||L<l?le(s,"band",P,L):c}
          ${this.choice?le(s,"choice",m.since,m.until):c}
          ${this.at===null?c:E`<line class="marker" x2="1" y1=${z} y2=${z} />`}
        </svg>
        <div class="bubble" aria-hidden="true" ?hidden=${!this.choice&&this.hover===null}>
          ${this.#s(this.#o(s))}
        </div>
      </div>
      <span class="edge">${d(o)}</span>
      ${r||i?a`<button part="button" @click=${this.#h}>${e("anyTime")}</button>`:c}
    `}updated(){let e=this.renderRoot.querySelector(".bubble"),t=this.#e;if(!e||!t)return;let{first:r,last:i}=this.#o(t);e.style.insetBlockStart=`${100-50*(r+i+1)/t.counts.length}%`}#r(e){let t=se(e,this.at??e.to);return this.choice??{anchor:t,head:t}}#o(e){let{hover:t}=this;return k(e,t===null?this.#r(e):{anchor:t,head:t})}#s({since:e,until:t,count:r}){let i=this.dates.range(e,Math.max(e,t-1));return this.texts("chosen",{range:i,count:r})}#a(e){let t=this.#e;if(!t||e.ctrlKey||e.metaKey||e.altKey)return;let r=oe(this.#r(t),e.key,e.shiftKey,t.counts.length);if(r)this.choice=r,this.hover=null;else if(e.key==="Enter"||e.key===" ")this.#p(t,this.#r(t));else if(e.key==="Escape"&&this.choice)this.choice=null;else if(e.key==="Escape"&&(this.since||this.until))this.#h();else return;e.preventDefault(),e.stopPropagation()}#i(e){let t=this.#d(e);e.button!==0||!e.isPrimary||t===null||(e.currentTarget.setPointerCapture(e.pointerId),this.#t=!0,this.hover=null,this.choice={anchor:t,head:t})}#u(e){let t=this.#d(e);t!==null&&(this.#t&&this.choice?this.choice={...this.choice,head:t}:this.hover=t)}#l(){this.#t&&this.#e&&this.choice&&this.#p(this.#e,this.choice),this.#t=!1}#f(){this.#t=!1,this.choice=null}#d({clientY:e,currentTarget:t}){let{top:r,height:i}=t.getBoundingClientRect(),s=this.#e?.counts.length??0;return s===0||i===0?null:s-1-Math.min(Math.max(Math.floor((e-r)/i*s),0),s-1)}#p(e,t){let{since:r,until:i}=k(e,t);i<=r||this.#c({since:new Date(r).toISOString(),until:new Date(i).toISOString()})}#h(){this.renderRoot.querySelector(".chart")?.focus(),this.#c({since:"",until:""})}#c(e){this.dispatchEvent(new CustomEvent("range",{detail:e,bubbles:!0,composed:!0}))}};function M({from:n,to:e,counts:{length:t}},r){return t*(e-Math.min(Math.max(r,n),e))/(e-n)}function le(n,e,t,r){let i=M(n,r);return E`<rect class=${e} width="1" y=${i} height=${Math.max(0,M(n,t)-i)} />`}function Ee(n){let e=Math.sqrt(Math.max(...n));return n.map((t,r)=>{let i=t?Math.max(Math.sqrt(t)/e,.06):0;return i?`M0 ${n.length-.9-r}h${i.toFixed(3)}v.8H0z`:""}).join("")}customElements.define("activity-log-strip",A);
/*! Bundled license information:

lit-html/directives/keyed.js:
  (**
   * @license
   * Copyright 2021 Google LLC
   * SPDX-License-Identifier: BSD-3-Clause
   *)
*/
