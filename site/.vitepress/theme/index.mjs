import DefaultTheme from 'vitepress/theme-without-fonts'
import { defineAsyncComponent } from 'vue'
import { rememberFramework } from './remember-framework.mjs'
import './style.css'

/** @type {import('vitepress').Theme} */
export default {
  extends: DefaultTheme,
  enhanceApp({ app, router }) {
    app.component(
      'Playground',
      defineAsyncComponent(() => import('./Playground.vue')),
    )
    if (!import.meta.env.SSR) rememberFramework(router)
  },
}
